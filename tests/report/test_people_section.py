"""What people and judges say: shown where they were asked, and in words that the figures bear."""

import pytest

from recexplainer import store
from recexplainer.core.settings import load_settings
from recexplainer.report.inputs import ReportInputs, read_inputs
from recexplainer.report.page import build_page
from recexplainer.report.sections.people import people_section


def agreement(alpha=0.9):
    pair = {"first": "human:ada", "second": "human:bo", "n": 40, "same": 0.8, "same_interval": [0.7, 0.9],
            "kappa": 0.6, "kappa_interval": None, "kappa_quadratic": None, "spearman": 0.7}  # fmt: skip
    overall = {
        "fleiss_kappa": 0.5,
        "alpha_nominal": 0.5,
        "alpha_ordinal": alpha,
        "alpha_interval": 0.6,
        "n_compared": 40,
    }  # noqa: E501
    return {
        "n_texts": 40,
        "raters": {"human:ada": {"n": 40, "mean": 2.1}, "human:bo": {"n": 38, "mean": 1.9}, "rubric": {"n": 40, "mean": 2.5}},  # noqa: E501
        "pairs": [pair],
        "overall": overall,
        "overall_human": None if alpha is None else overall,
    }  # fmt: skip


def test_people_who_all_gave_one_level_are_not_said_to_have_rated_different_texts():
    found = agreement(alpha=None)
    found["overall_human"] = found["overall"] | {"n_compared": 38}
    (said,) = section(agreement=found).readings
    assert "All 38 texts that several rated have one level" in said and "Fewer than two" not in said


def comparison(low, high):
    return {
        "sources": ["both", "none"], "judge": "rubric", "first": 30, "second": 10, "tie": 5, "n": 45,
        "win_rate": (low + high) / 2, "win_rate_interval": [low, high], "decided_win_rate": 0.75,
        "decided_win_rate_interval": [0.6, 0.86], "order": None,
    }  # fmt: skip


def section(**changes):
    return people_section(ReportInputs(sources=["both", "none"], params={}, **changes))


@pytest.mark.parametrize(
    ("alpha", "words"),
    [(0.9, "agree well"), (0.7, "agree somewhat"), (0.3, "do not agree enough"), (None, "their agreement is unknown")],
)
def test_ratings_are_counted_and_their_agreement_is_weighed(alpha, words):
    found = section(agreement=agreement(alpha))
    assert "78 ratings of 40 texts" in found.readings[0] and words in found.readings[0]
    assert [row.name for row in found.tables[0].groups[0].rows] == ["human:ada", "human:bo", "rubric"]
    assert found.tables[1].groups[0].rows[0].cells[0].text == "0.80 (0.70 to 0.90)"


@pytest.mark.parametrize(
    ("ends", "words"), [((0.6, 0.8), "prefers"), ((0.1, 0.3), "does not prefer"), ((0.4, 0.6), "not measurably")]
)
def test_a_preference_is_one_only_where_its_interval_leaves_one_half_out(ends, words):
    found = section(comparisons={"both-none": comparison(*ends)})
    assert words in found.readings[0]
    assert found.charts[0].bars[0].interval == ends and found.files == ["comparisons/both-none.json"]


def test_a_comparison_without_a_choice_is_said():
    found = section(comparisons={"both-none": comparison(0.4, 0.6) | {"win_rate": None, "win_rate_interval": None}})
    assert "made no choice" in found.readings[0]


def test_the_page_has_the_section_only_where_somebody_was_asked(inputs_with):
    assert 'id="people"' not in build_page(inputs_with(), 2)
    raters = {"human:<b>ada</b>": {"n": 3, "mean": 2.0}}
    page = build_page(inputs_with(agreement=agreement() | {"raters": raters}), 2)
    assert '<section id="people"' in page and 'href="#people"' in page and "<b>ada" not in page


def test_ratings_and_comparisons_are_read_where_they_lie(empty_project):
    assert read_inputs(load_settings()).comparisons == {}
    store.write_json(store.AGREEMENT, agreement())
    store.write_json(store.comparison("both", "none"), comparison(0.4, 0.6))
    inputs = read_inputs(load_settings())
    assert inputs.agreement == agreement() and list(inputs.comparisons) == ["both-none"]
