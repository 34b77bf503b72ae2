from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from recexplainer import cli, store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.rating import Rating
from recexplainer.core.settings import load_settings
from recexplainer.core.statistics.agreement import krippendorff_alpha
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.feedback import Feedback, ratings_of_feedback, read_human_feedback
from recexplainer.judging.grade import Grade
from recexplainer.judging.ratings import text_hash
from recexplainer.tracking import runs
from recexplainer.tracking.traces import log_explanation_traces, log_human_level, log_live_trace
from tests.judging.test_agree import explanations, rating


def said(**changes: Any) -> Feedback:
    given = {
        "rater": "anna", "name": "level", "value": "C", "comment": None, "at": 1, "trace_id": "t1", "source": "both",
        "explanation_id": "u0", "text": "Yes. So it is.",
    }  # fmt: skip
    return Feedback(**(given | changes))


def test_feedback_becomes_a_rating() -> None:
    ratings, n_unusable = ratings_of_feedback([said(value=" c", comment="thin")])
    assert n_unusable == 0
    assert ratings == [
        Rating(
            rater="anna@mlflow", id="t1", source="both", explanation_id="u0", level="C", score=2,
            comment="thin", text_sha256=text_hash("Yes. So it is."),
        )
    ]  # fmt: skip


def test_a_score_is_a_level_too() -> None:
    ratings, _ = ratings_of_feedback([said(name="score", value=3), said(rater=None, name="score", value=0.0)])
    assert [(of.rater, of.level) for of in ratings] == [("anna@mlflow", "D"), ("unnamed@mlflow", "A")]


def test_the_newest_counts_and_a_level_before_a_score() -> None:
    given = [
        said(value="D", at=5), said(value="B", at=3), said(name="score", value=0, at=9),
        said(rater="ben", name="score", value=1, at=2), said(rater="ben", name="score", value=2, at=1),
    ]  # fmt: skip
    assert [(of.rater, of.level) for of in ratings_of_feedback(given)[0]] == [
        ("ben@mlflow", "B"), ("anna@mlflow", "D"),
    ]  # fmt: skip


def test_texts_are_told_apart_by_source_case_and_words() -> None:
    given = [said(), said(source="none"), said(explanation_id="u1"), said(text="No.")]
    assert len(ratings_of_feedback(given)[0]) == 4


@pytest.mark.parametrize(
    "change",
    [{"value": "E"}, {"value": True}, {"value": ["A"]}, {"name": "score", "value": 1.5}, {"name": "score", "value": 4},
     {"source": None}, {"explanation_id": None}, {"text": None}],
)  # fmt: skip
def test_what_is_no_rating_is_counted(change: dict[str, Any]) -> None:
    assert ratings_of_feedback([said(**change)]) == ([], 1)


def test_feedback_about_something_else_is_none() -> None:
    assert ratings_of_feedback([said(name="tone", value="friendly")]) == ([], 0)


# --- in a tracking store -----------------------------------------------------------------------------------


@pytest.fixture
def traced(project: Path) -> tuple[dict[str, list[Explanation]], dict[tuple[str, str], str]]:
    """Four explanations of two sources with their traces, as `judge` logs them; and the traces' ids."""
    texts = {"both": explanations("both", "DCBA"), "none": explanations("none", "AABB")}
    for source, records in texts.items():
        judgements = [Grade("D").of(record.explanation_id, "rubric") for record in records]
        with runs.open_run("judge", load_settings(), {"source": source}):
            log_explanation_traces(records, judgements)
    import mlflow

    client = runs.connect()
    experiment = runs.find_experiment(client, "demo")
    found = mlflow.search_traces(locations=[experiment], return_type="list", include_spans=False)
    ids = [(trace.info.tags["source"], trace.info.tags["explanation_id"]) for trace in found]
    return texts, dict(zip(ids, [trace.info.trace_id for trace in found], strict=True))


def say(trace_id: str, rater: str | None, value: Any, name: str = "level", kind: str = "HUMAN", **more: Any) -> Any:
    import mlflow
    from mlflow.entities import AssessmentSource

    source = AssessmentSource(source_type=kind, source_id=rater)
    return mlflow.log_feedback(trace_id=trace_id, name=name, value=value, source=source, **more)


def test_what_people_say_is_read_and_what_judges_say_is_not(traced: Any) -> None:
    import mlflow
    from mlflow.entities import AssessmentSource

    _, ids = traced
    trace = ids["both", "u0"]
    say(trace, "anna", "C", rationale="thin")
    say(trace, "some-model", "A", kind="LLM_JUDGE")
    withdrawn = say(trace, "ben", "A")
    mlflow.delete_assessment(trace_id=trace, assessment_id=withdrawn.assessment_id)
    judged = next(a for a in mlflow.get_trace(trace).info.assessments if a.name == "level" and a.feedback.value == "D")
    carl = AssessmentSource(source_type="HUMAN", source_id="carl")
    mlflow.override_feedback(trace_id=trace, assessment_id=judged.assessment_id, value="B", source=carl)
    found = read_human_feedback("demo")
    assert sorted((of.rater, of.value, of.comment) for of in found) == [
        ("anna", "C", "thin"), ("carl", "B", None),
    ]  # fmt: skip
    assert {(of.source, of.explanation_id, of.trace_id) for of in found} == {("both", "u0", trace)}
    assert {of.text for of in found} == {explanations("both", "D")[0].text}


def test_no_store_and_no_experiment_have_no_feedback_and_are_not_made(empty_project: Path) -> None:
    assert read_human_feedback("demo") == []
    assert not (empty_project / "mlflow.db").exists()


def test_agreement_counts_the_raters_of_mlflow_beside_those_of_a_sheet(
    traced: Any, games: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, ids = traced
    store.write_catalogue(games.frame)
    for source, records in texts.items():
        store.write_explanations(source, records)
    store.write_ratings([rating("anna", record, level) for record, level in zip(texts["both"], "DDBA", strict=True)])
    for case, level in enumerate("DCBB"):
        say(ids["both", f"u{case}"], "ben", level)
    say(ids["none", "u0"], "ben", 0, name="score")
    say(ids["none", "u1"], "ben", "great")
    assert cli.run(["ratings", "agree"]) == 0
    found = store.read_json(store.AGREEMENT)
    assert found["raters"]["human:anna"]["n"] == 4 and found["raters"]["human:ben@mlflow"]["n"] == 5
    assert (found["n_texts"], found["n_outdated_ratings"], found["n_unusable_feedback"]) == (5, 0, 1)
    pair = found["pairs"][0]
    assert (pair["first"], pair["second"], pair["n"]) == ("human:anna", "human:ben@mlflow", 4)
    anna, ben = [3, 3, 1, 0], [3, 2, 1, 1]
    assert pair["kappa"] == pytest.approx(cohen_kappa_score(anna, ben))
    people = np.array([[*anna, np.nan], [*ben, 0]]).T
    assert found["overall_human"]["alpha_ordinal"] == pytest.approx(krippendorff_alpha(people, "ordinal"))
    assert (found["overall_human"]["n_complete"], found["overall_human"]["n_compared"]) == (4, 4)
    rubric = next(of for of in found["pairs"] if of["first"] == "human:ben@mlflow" and of["second"] == "rubric")
    assert rubric["n"] == 5 and rubric["spearman"] is not None
    assert "skipped 1 ratings in MLflow that lack a level" in capsys.readouterr().out


def test_ratings_of_the_live_page_are_found_with_the_texts_that_no_file_holds(project: Path, games: Catalogue) -> None:
    [stored] = explanations("both", "D")
    [live] = explanations("both", "C")
    live = replace(live, explanation_id="live-1")
    undecided = replace(live, explanation_id="live-2", label=None)
    store.write_catalogue(games.frame)
    store.write_explanations("both", [stored])
    for record, level in ((live, "C"), (undecided, "B")):
        trace = log_live_trace("demo", record)
        for rater in ("anna", "ben"):
            log_human_level(trace, rater, level, "")
    found = read_human_feedback("demo")
    assert {(of.rater, of.comment, of.record and of.record.explanation_id) for of in found} == {
        ("anna", None, "live-1"), ("ben", None, "live-1"), ("anna", None, "live-2"), ("ben", None, "live-2"),
    }  # fmt: skip
    assert [of.record for of in found if of.explanation_id == "live-1"] == [live, live]
    assert cli.run(["ratings", "agree"]) == 0
    agreed = store.read_json(store.AGREEMENT)
    assert (agreed["n_texts"], agreed["n_outdated_ratings"], agreed["n_unusable_feedback"]) == (2, 0, 0)
    assert {name: of["n"] for name, of in agreed["raters"].items()} == {
        "human:anna@mlflow": 2, "human:ben@mlflow": 2, "rubric": 1,
    }  # fmt: skip
    with pytest.raises(InputError, match="the rating is not kept, try again: Trace with ID 'tr-gone' not found"):
        log_human_level("tr-gone", "anna", "A", "")
