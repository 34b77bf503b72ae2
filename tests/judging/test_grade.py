import pytest

from recexplainer.core.records.judgement import Judgement
from recexplainer.judging.grade import Grade, summarise


def test_levels_and_scores() -> None:
    assert [Grade(level).score for level in ("A", "B", "C", "D", "unparseable", "failed")] == [
        0,
        1,
        2,
        3,
        None,
        None,
    ]
    with pytest.raises(ValueError, match="unknown level 'E'"):
        Grade("E")  # type: ignore[arg-type]


def test_a_grade_becomes_the_record_of_an_explanation() -> None:
    assert Grade("C", {"because": "so"}).of("u1", "rubric") == Judgement(
        explanation_id="u1", level="C", score=2, judge="rubric", reasons={"because": "so"}
    )
    assert Grade("failed").of("u1", "m").score is None


def test_summary_counts_everything_and_averages_what_has_a_level() -> None:
    assert summarise(["A", "D", "D", "unparseable", "failed"], "m") == {
        "mean": 2.0, "A": 1, "B": 0, "C": 0, "D": 2, "unparseable": 1, "failed": 1, "n": 5, "judge": "m",
    }  # fmt: skip
    assert summarise([], "m")["mean"] is None
    assert summarise(["failed"], "m")["mean"] is None
