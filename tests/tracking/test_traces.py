from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recexplainer.core.records.explanation import Explanation, ModelVersion, UserExplanation
from recexplainer.core.settings import load_settings
from recexplainer.tracking import runs
from recexplainer.tracking.prompts import EXPLANATION, JUDGE, text_sha256
from recexplainer.tracking.registry import CONTENT_TAG
from recexplainer.tracking.traces import log_explanation_traces
from tests.records import REQUEST, make_explanation, make_judgement
from tests.tracking.registry.score_predictor import NAME, register

BASE = {"name": "demo_llm/model", "revision": None, "sha256": "x"}


def traced(explanations: Sequence[Explanation], *more: Any) -> tuple[str, list[Any]]:
    """The run, and the traces in the order of the explanations."""
    import mlflow

    with runs.open_run("judge", load_settings()) as run:
        assert log_explanation_traces(explanations, *more) == len(explanations)
    mlflow.flush_trace_async_logging()
    locations = [runs.connect().get_run(run.run_id).info.experiment_id]
    found = mlflow.search_traces(locations=locations, run_id=run.run_id, return_type="list")
    return run.run_id, sorted(found, key=lambda trace: trace.info.tags["explanation_id"])


def test_traces_carry_the_judges_assessment(project: Path) -> None:
    explanations = [make_explanation(explanation_id=f"u{i}", prompt="Will they?", text="Yes.") for i in range(2)]
    judgements = [
        make_judgement(explanation_id="u0", level="B", score=1),
        make_judgement(explanation_id="u1", level="unparseable", score=None),
    ]
    _, found = traced(explanations, judgements)
    assessed = [{a.name: a.feedback.value for a in trace.info.assessments} for trace in found]
    assert assessed == [{"level": "B", "score": 1}, {"level": "unparseable"}]
    assert all(a.source.source_type == "CODE" and a.source.source_id == "rubric"
               for trace in found for a in trace.info.assessments)  # fmt: skip


def test_a_trace_says_in_which_session_about_whom_and_by_which_version(project: Path) -> None:
    register(1.0)
    version = runs.connect().get_model_version(NAME, "1")
    model = ModelVersion(NAME, "1", version.tags[CONTENT_TAG])
    known = make_explanation(explanation_id="u0", user_id=7, model=model)
    named = UserExplanation(
        **{**vars(known), "explanation_id": "u1"}, raw_user_id="U00007", raw_item_id="B1", title="Fox"
    )
    elsewhere = make_explanation(explanation_id="u2", user_id=8, model=replace(model, sha256="of another machine"))
    run_id, found = traced([known, named, elsewhere])
    of_all = [trace.info.trace_metadata for trace in found]
    assert {of["mlflow.trace.session"] for of in of_all} == {run_id}
    assert [of["mlflow.trace.user"] for of in of_all] == ["7", "U00007", "8"]
    assert [(of["model.name"], of["model.version"]) for of in of_all] == [(NAME, "1")] * 3
    linked = [of.get("mlflow.modelId") for of in of_all]
    assert linked[0] == linked[1] and version.source == f"models:/{linked[0]}"
    assert linked[2] is None


@pytest.mark.parametrize(("base", "expected"), [(BASE, [EXPLANATION, JUDGE]), (None, [JUDGE])])
def test_a_trace_names_the_prompts_that_were_used(project: Path, base: Any, expected: list[str]) -> None:
    """The template source words no prompt for an LLM."""
    asked = replace(REQUEST, template_sha256=text_sha256("Why?"))
    with runs.open_run("explain", load_settings()) as run:
        run.log_prompt(EXPLANATION, "Why?", "asks")
        judge = run.log_prompt(JUDGE, "Rate it.", "judges")
    made = make_explanation(base=base, request=asked)
    _, [trace] = traced([made], [make_judgement()], "LLM_JUDGE", judge)
    linked = json.loads(trace.info.tags["mlflow.linkedPrompts"])
    assert [prompt["name"] for prompt in linked] == expected


def test_a_prompt_that_is_not_registered_here_is_not_named(project: Path) -> None:
    _, [trace] = traced([make_explanation(base=BASE)])
    assert "mlflow.linkedPrompts" not in trace.info.tags
