"""One frozen dataclass per section of params.yaml: no defaults here: the values are in params.yaml alone.

A new parameter is a field of its section's class, in the module of its concern, and a line in params.yaml. Its type,
of the module `kinds`, tells its range, which pydantic checks wherever a section is built; rules between fields live in
``__post_init__``. The package is the public face of all sections.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic.dataclasses import dataclass

from recexplainer.core.errors import InputError
from recexplainer.core.settings.alignment import (
    ALIGNED_MODES,
    AdaptLlm,
    Align,
    BuildAlignment,
    DraftExplanations,
    Llm,
    Summaries,
)
from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.data import Columns, Dataset, GenerateDemo, Prepare, Split
from recexplainer.core.settings.evaluation import Audit, EvaluateAlignment, EvaluateBaselines
from recexplainer.core.settings.explaining import SOURCES, Explain
from recexplainer.core.settings.judging import Discriminate, Encoder, Faithfulness, Judge, Report
from recexplainer.core.settings.kinds import SECTION
from recexplainer.core.settings.parsing import apply_overrides, build_section
from recexplainer.core.settings.recommender import (
    RecommenderChoice,
    TrainRecommender,
)
from recexplainer.core.settings.registry import Gate, Promote, Registry
from recexplainer.core.settings.run import Run

PARAMS_FILE = Path("params.yaml")


@dataclass(frozen=True, config=SECTION)
class Settings:
    """All of params.yaml."""

    run: Run
    dataset: Dataset
    generate_demo: GenerateDemo
    prepare: Prepare
    recommender: RecommenderChoice
    train_recommender: TrainRecommender
    llm: Llm
    adapt_llm: AdaptLlm
    build_alignment: BuildAlignment
    summaries: Summaries
    draft_explanations: DraftExplanations
    align: Align
    evaluate_alignment: EvaluateAlignment
    evaluate_baselines: EvaluateBaselines
    audit: Audit
    explain: Explain
    judge: Judge
    faithfulness: Faithfulness
    discriminate: Discriminate
    report: Report
    registry: Registry
    promote: Promote

    def __post_init__(self) -> None:
        """Check what ties two sections together."""
        named = {"explain.sources": self.explain.sources, "evaluate_alignment.sources": self.evaluate_alignment.sources}
        for parameter, sources in named.items():
            for source in sources:
                if source not in (*self.align.modes, "none", "template"):
                    raise InputError(
                        f"params: {parameter} names {source!r}, which align.modes {list(self.align.modes)} "
                        "does not align; change both lists together"
                    )
        if self.align.mixture.get("evidence", 0) and not self.build_alignment.evidence_per_history:
            raise InputError(
                "params: align.mixture.evidence is not 0, but build_alignment.evidence_per_history is: there is no "
                "such example to learn from; set it to 4, or align.mixture.evidence to 0"
            )
        if self.explain.evidence == "own" and not self.align.mixture.get("evidence", 1):
            raise InputError(
                "params: explain.evidence is own, but align.mixture.evidence is 0: no explainer is taught to answer; "
                "set it to 2 and build_alignment.evidence_per_history to 4, or take explain.evidence: recommender"
            )


def named_tasks(settings: Settings) -> dict[str, list[str]]:
    """The alignment tasks that parameters name, by parameter; `task/aspect` is one of a task's questions."""
    align = settings.align
    return {
        "align.mixture": list(align.mixture),
        "align.weights": list(align.weights),
        "evaluate_alignment.tasks": settings.evaluate_alignment.tasks,
    }


def parse_settings(values: Any, origin: str = "params.yaml") -> Settings:
    """Build the settings from nested mappings.

    Raises:
        InputError: for an unknown, missing or wrongly typed key, with its dotted name.
    """
    built: Settings = build_section(Settings, values, origin)
    return built


def load_settings(path: Path | str = PARAMS_FILE, overrides: list[str] | None = None) -> Settings:
    """Read params.yaml and apply ``section.key=value`` overrides, typed as the overridden field is.

    Raises:
        InputError: when the file is missing or malformed, or a key or value does not fit.
    """
    return parse_settings(apply_overrides(Settings, read_params(path), overrides or []), origin=str(path))


def read_params(path: Path | str = PARAMS_FILE) -> dict[str, Any]:
    """Read params.yaml as nested mappings, unchecked.

    Raises:
        InputError: when the file is missing or is not a YAML mapping.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage in the project's root, or pass --params") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: must contain a mapping of sections")
    return values
