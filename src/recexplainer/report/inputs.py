"""What the report is made of: every figure, answer and judgement that is there, and what made them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from recexplainer import store
from recexplainer.core.commands import output_of
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Judgement
from recexplainer.core.settings import Settings
from recexplainer.core.settings.parsing import flatten
from recexplainer.data.catalogue import Catalogue
from recexplainer.tracking.runs import redact

T = TypeVar("T")
Metrics = dict[str, Any]


@dataclass(frozen=True)
class ReportInputs:
    """The report's content; None, or a missing key, where the stage that makes it has not run.

    Attributes:
        sources: Who explains, in the order of the parameters.
        measured: Whose alignment is measured.
        params: All parameters under dotted names, without credentials.
        commit: The commit of the code, with a remark if files differ from it.
        dataset: The report of ``prepare``.
        audit: ``metrics/audit.json``.
        recommender: ``metrics/recommender.json``.
        alignment: Per source.
        baselines: ``metrics/alignment_baselines.json``.
        judge: Per source.
        faithfulness: Per source.
        faithfulness_pairs: ``metrics/faithfulness_pairs.json``.
        discriminators: ``metrics/discriminators.json``.
        agreement: ``ratings/agreement.json``: of people, judge and rubric.
        comparisons: ``comparisons/<first>-<second>.json``, by the file's name without its ending.
        catalogue: Titles and attributes.
        explanations: Per source, in the order of the cases.
        judgements: Per source, in the order of its explanations.
        faithfulness_rows: Per source, one row per explanation.
    """

    sources: list[str]
    params: dict[str, Any]
    measured: list[str] = field(default_factory=list)
    commit: str | None = None
    dataset: Metrics | None = None
    audit: Metrics | None = None
    recommender: Metrics | None = None
    alignment: dict[str, Metrics] = field(default_factory=dict)
    baselines: Metrics | None = None
    judge: dict[str, Metrics] = field(default_factory=dict)
    faithfulness: dict[str, Metrics] = field(default_factory=dict)
    faithfulness_pairs: Metrics | None = None
    discriminators: Metrics | None = None
    agreement: Metrics | None = None
    comparisons: dict[str, Metrics] = field(default_factory=dict)
    catalogue: Catalogue | None = None
    explanations: dict[str, list[Explanation]] = field(default_factory=dict)
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)
    faithfulness_rows: dict[str, pd.DataFrame] = field(default_factory=dict)


def read_inputs(settings: Settings) -> ReportInputs:
    """Read what is there; a file that is missing leaves its place empty, a broken one raises.

    Raises:
        InputError: when a file exists and cannot be read.
    """
    sources = list(settings.explain.sources)
    return ReportInputs(
        sources=sources,
        measured=settings.evaluate_alignment.sources,
        params={name: redact(value) for name, value in flatten(settings).items()},
        commit=read_commit(),
        dataset=_if_there(store.PREPARE_REPORT, store.read_json),
        audit=_if_there(store.AUDIT_METRICS, store.read_json),
        recommender=_if_there(store.RECOMMENDER_METRICS, store.read_json),
        alignment=_by_source(settings.evaluate_alignment.sources, store.alignment_metrics, store.read_json),
        baselines=_if_there(store.ALIGNMENT_BASELINES_METRICS, store.read_json),
        judge=_by_source(sources, store.judge_metrics, store.read_json),
        faithfulness=_by_source(sources, store.faithfulness_metrics, store.read_json),
        faithfulness_pairs=_if_there(store.FAITHFULNESS_PAIRS_METRICS, store.read_json),
        discriminators=_if_there(store.DISCRIMINATORS_METRICS, store.read_json),
        agreement=_if_there(store.AGREEMENT, store.read_json),
        comparisons=_read_comparisons(sources),
        catalogue=_if_there(store.CATALOGUE, store.read_catalogue),
        explanations={s: store.read_explanations(s) for s in sources if store.explanations(s).exists()},
        judgements={s: store.read_judgements(s) for s in sources if store.judgements(s).exists()},
        faithfulness_rows=_by_source(
            sources, store.faithfulness_rows, lambda path: store.read_parquet(path, ("explanation_id",))
        ),
    )


def read_commit(folder: Path | str = ".") -> str | None:
    """The commit of the code in a folder; None where there is no git, no repository or no commit."""
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", "src", "params.yaml", "dvc.yaml")
    return f"{commit}, with uncommitted changes" if changed else commit


def _git(folder: Path | str, *arguments: str) -> str | None:
    return output_of("git", "-C", str(folder), *arguments, seconds=20)


def _read_comparisons(sources: list[str]) -> dict[str, Metrics]:
    paths = (store.comparison(first, second) for first, second in itertools.permutations(sources, 2))
    return {path.stem: store.read_json(path) for path in paths if path.exists()}


def _if_there(path: Path, read: Callable[[Path], T]) -> T | None:
    return read(path) if path.exists() else None


def _by_source(sources: list[str], path_of: Callable[[str], Path], read: Callable[[Path], T]) -> dict[str, T]:
    return {source: read(path_of(source)) for source in sources if path_of(source).exists()}
