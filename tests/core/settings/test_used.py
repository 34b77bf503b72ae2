from __future__ import annotations

import pytest

from recexplainer.core.settings import load_settings
from recexplainer.core.settings.used import used_parameters
from tests.conftest import REPOSITORY

PARAMS = REPOSITORY / "params.yaml"


def used(sections: str, options: dict[str, str] | None = None, *assignments: str) -> set[str]:
    return set(used_parameters(load_settings(PARAMS, list(assignments)), sections.split(), options or {}))


def test_sections_may_be_parts_of_sections_and_single_parameters() -> None:
    assert used("run.seed align.lora report") == {
        "run.seed", "align.lora.r", "align.lora.alpha", "align.lora.dropout", "align.lora.targets", "report.n_cases",
    }  # fmt: skip
    assert used("run.see") == set()


def test_a_rubric_asks_no_server() -> None:
    assert used("judge", {"source": "both"}) == {"judge.backend", "judge.n_traces"}
    asked = used("judge", {"source": "both"}, "judge.backend=api", "judge.base_url=http://a/v1", "judge.model=a")
    assert {"judge.base_url", "judge.model", "judge.max_calls", "judge.n_repeats"} <= asked


def test_a_catalogue_that_writes_the_summaries_asks_no_server() -> None:
    assert used("summaries") == {"summaries.author"}
    api = ("summaries.author=api", "summaries.base_url=http://a/v1", "summaries.model=a")
    assert {"summaries.max_failed", "summaries.model"} <= used("summaries", {}, *api)


@pytest.mark.parametrize(
    ("answerers", "expected"),
    [
        ("[]", {"answerers"}),
        ("[none]", {"answerers", "n_shown", "n_questions"}),
    ],
)
def test_nobody_answers_in_context(answerers: str, expected: set[str]) -> None:
    found = used("evaluate_baselines.in_context", {}, f"evaluate_baselines.in_context.answerers={answerers}")
    assert found == {f"evaluate_baselines.in_context.{name}" for name in expected}


def test_a_mode_reads_its_own_epochs_alone() -> None:
    of_both, of_intention = (used("align", {"mode": mode}) for mode in ("both", "intention"))
    assert {name for name in of_both ^ of_intention if "epochs" in name} == {
        "align.epochs.both", "align.epochs.intention",
    }  # fmt: skip
    assert "align.both_forms.both" in of_both and not any(name.startswith("align.both_forms") for name in of_intention)
    assert "align.modes" not in of_both and "align.modes" in used("align.modes")


def test_the_template_has_neither_llm_nor_version() -> None:
    by_template, by_base = (used("explain llm registry", {"source": source}) for source in ("template", "none"))
    assert not any(name.startswith(("llm.", "registry.")) for name in by_template)
    assert "explain.max_new_tokens" in by_base - by_template and "llm.base" in by_base
    assert "registry.alias" not in by_base and "registry.alias" in used("registry", {"source": "both"})
    assert "explain.sources" not in by_base and "explain.sources" in used("explain.sources")


def test_columns_belong_to_tables() -> None:
    assert not any(name.startswith("dataset.columns") for name in used("dataset"))
    assert "dataset.columns.user" in used("dataset", {}, "dataset.format=table")


def test_without_an_encoder_nothing_is_fine_tuned() -> None:
    assert used("discriminate.encoder", {}, "discriminate.encoder.base=null") == {"discriminate.encoder.base"}
    assert "discriminate.encoder.epochs" in used("discriminate.encoder")
