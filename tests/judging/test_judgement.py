import pytest

from recexplainer.judging.judgement import Judgement, summarise


def test_levels_and_scores() -> None:
    assert [Judgement(level).score for level in ("A", "B", "C", "D", "unparseable", "failed")] == [
        0,
        1,
        2,
        3,
        None,
        None,
    ]
    with pytest.raises(ValueError, match="unknown level 'E'"):
        Judgement("E")


def test_row() -> None:
    assert Judgement("C", {"because": "so"}).as_row("u1", "rubric") == {
        "explanation_id": "u1", "level": "C", "score": 2, "judge": "rubric", "reasons": {"because": "so"},
    }  # fmt: skip


def test_summary_counts_everything_and_averages_what_has_a_level() -> None:
    assert summarise(["A", "D", "D", "unparseable", "failed"], "m") == {
        "mean": 2.0, "A": 1, "B": 0, "C": 0, "D": 2, "unparseable": 1, "failed": 1, "n": 5, "judge": "m",
    }  # fmt: skip
    assert summarise([], "m")["mean"] is None
    assert summarise(["failed"], "m")["mean"] is None
