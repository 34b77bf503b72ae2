"""The five sentences at the head of the report, for planted figures: good runs, bad ones, ties, and gaps."""

from copy import deepcopy

import pytest

from recexplainer.report.inputs import ReportInputs
from recexplainer.report.sections.conclusions import conclude, rank_sources

SOURCES = ["behaviour", "both", "none", "template"]


def versus(value, width=0.02):
    gap = {"difference": value, "difference_interval": [value - width, value + width], "p_value": 0.01}
    return {"ndcg@10": gap, "hr@10": gap}


def hits(value, width=0.04):
    return {"next_item_retrieval": {"hr@5": value, "hr@5_interval": [value - width, value + width]}}


def faithfulness(over=0.4, p_value=0.0001, supplier="free", **shares):
    shares = {
        "misleading": 0.02,
        "no_reason": 0.01,
        "truth": 0.97,
        "carrying": 0.98,
        "agreement": 0.99,
        "off": 0.5,
        "unseen": 0.0,
    } | shares  # noqa: E501
    return {
        "verdict_agreement": shares["agreement"],
        "hallucination_rate": shares["unseen"],
        "calibration": {"p_value": shares["off"], "ece": 0.21},
        "evidence": {
            "suppliers": {supplier: 100},
            "shift": {
                "evidence_score": 0.5 + over,
                "evidence_score_interval": [0.4 + over, 0.6 + over],
                "newest_score": 0.5,
                "evidence_over_newest": over,
                "p_value": p_value,
                "misleading_texts": shares["misleading"],
                "texts_without_true_reason": shares["no_reason"],
                "n_counterfactuals": 300,
                "counterfactual_truth": shares["truth"],
            },
            "attributes": {"n_tested": 400, "carrying": shares["carrying"]},
        },
    }  # fmt: skip


GOOD = {
    "recommender": {
        "kind": "sasrec",
        "n_users_evaluated": 640,
        "sasrec": {"test": {"ndcg@10": 0.3}},
        "versus": {"popularity": versus(0.2), "item_knn": versus(0.05)},
    },
    "alignment": {"behaviour": hits(0.4), "both": hits(0.7), "none": hits(0.2)},
    "baselines": {"random": hits(0.02), "popularity": hits(0.1), "student": hits(0.9)},
    "faithfulness": {"both": faithfulness()},
}


def concluded(**changes):
    return conclude(ReportInputs(sources=SOURCES, params={}, **{**deepcopy(GOOD), **changes}))


def test_a_good_run_has_five_answers_with_numbers_and_caveats():
    found = concluded()
    assert [one.tone for one in found] == ["good", "good", "good", "good", "open"]
    assert [one.answer for one in found] == ["Yes", "“both”", "Yes", "None of those tested", "Let people rate"]
    worth, mode, reasons, doubts, following = (one.sentence.replace("\N{NO-BREAK SPACE}", " ") for one in found)
    assert "NDCG@10 0.300" in worth and "+0.050, +0.030 to +0.070" in worth
    assert "70 % (66 % to 74 %)" in mode and "the base LLM in 20 %" in mode
    assert "0.90 (0.80 to 1.00)" in reasons and "p < .001" in reasons and "97 % of the 300 counterfactuals" in reasons
    assert "one of twenty" in doubts and "0 ratings" in following
    assert all(one.caveat for one in found)


@pytest.mark.parametrize(
    ("gap", "tone", "answer", "word"),
    [(-0.05, "bad", "No", "below"), (0.01, "doubt", "Not shown", "not measurably different from")],
)
def test_a_recommender_that_does_not_beat_a_floor_is_not_worth_explaining_and_comes_first(gap, tone, answer, word):
    metrics = deepcopy(GOOD["recommender"])
    metrics["versus"]["item_knn"] = versus(gap)
    worth, *_, following = concluded(recommender=metrics)
    assert (worth.tone, worth.answer) == (tone, answer)
    assert "above popularity" in worth.sentence and f"{word} item neighbours" in worth.sentence
    assert following.answer == "Improve the recommender" and following.sentence.startswith("NDCG@10 ")


def test_a_recommender_compared_with_one_floor_only_is_not_shown_to_be_worth_it():
    metrics = deepcopy(GOOD["recommender"])
    del metrics["versus"]["item_knn"]
    assert concluded(recommender=metrics)[0].answer == "Not shown"


@pytest.mark.parametrize("other", [hits(0.7), hits(0.65), {"next_item_retrieval": {"hr@5": 0.5}}])
def test_modes_whose_intervals_meet_are_tied(other):
    mode = concluded(alignment={"behaviour": other, "both": hits(0.7), "none": hits(0.2)})[1]
    assert (mode.tone, mode.answer) == ("doubt", "A tie")
    assert "“behaviour”" in mode.sentence


def test_modes_no_better_than_a_floor_are_none():
    *_, mode, _, _, following = concluded(alignment={"both": hits(0.12), "none": hits(0.02)})
    assert (mode.tone, mode.answer) == ("bad", "None measurably")
    assert "popularity does in 10" in mode.sentence
    assert following.answer == "Align longer"


@pytest.mark.parametrize(
    ("figures", "tone", "answer"),
    [
        (faithfulness(over=0.01, p_value=0.6), "doubt", "Not shown"),
        (faithfulness(over=-0.3), "bad", "No"),
        (faithfulness(truth=0.4), "doubt", "The cited items, not the counterfactuals"),
        (faithfulness(supplier="recommender"), "good", "Yes, by construction"),
    ],
)
def test_reasons_are_true_only_where_they_are_measurably_above_the_newest_items(figures, tone, answer):
    *_, reasons, _, following = concluded(faithfulness={"both": figures})
    assert (reasons.tone, reasons.answer) == (tone, answer)
    assert ("by construction" in reasons.caveat) == (answer == "Yes, by construction")
    assert (following.answer == "Tie the texts to the evidence") == (tone != "good")


def test_a_source_without_counterfactuals_borrows_those_of_another_by_name():
    own = faithfulness(truth=None)
    sentence = concluded(faithfulness={"both": own, "template": faithfulness(truth=1.0)})[2].sentence
    assert "of “template” hold" in sentence
    assert "no text states a counterfactual" in concluded(faithfulness={"both": own})[2].sentence


def test_claims_that_fail_are_named_worst_first_and_those_of_other_sources_in_the_caveat():
    own = faithfulness(carrying=0.6, misleading=0.3, unseen=0.1, off=0.01)
    other = faithfulness(agreement=0.5)
    *_, doubts, following = concluded(faithfulness={"both": own, "none": other})
    sentence = doubts.sentence.replace("\N{NO-BREAK SPACE}", " ")
    assert doubts.tone == "bad" and doubts.answer == "Attributes"
    assert sentence.index("40 % of 400 attributes") < sentence.index("30 % of the texts") < sentence.index("21 % is")
    assert "10 %" not in sentence, "three at most"
    assert "the other sources is “none”: 50" in doubts.caveat
    assert following.answer == "Hide what does not hold" and "40" in following.sentence


def test_claims_that_were_not_tested_are_said():
    doubts = concluded(faithfulness={"both": {"verdict_agreement": 0.99}})[3]
    assert "attributes" in doubts.caveat and "counterfactuals" in doubts.caveat and "verdicts" not in doubts.caveat


def test_ratings_by_people_lead_to_promotion():
    agreement = {"raters": {"human:ada": {"n": 12}, "human:bo": {"n": 8}, "rubric": {"n": 99}}}
    following = concluded(agreement=agreement)[-1]
    assert following.answer == "Promote" and following.sentence.startswith("20 ratings")


def test_an_empty_run_says_for_each_question_what_measures_it():
    found = conclude(ReportInputs(sources=SOURCES, params={}))
    assert len(found) == 5 and {one.tone for one in found} == {"open"}
    for one, command in zip(
        found,
        ("train_recommender", "evaluate_alignment", "faithfulness", "faithfulness"),
        strict=False,
    ):
        assert f"dvc repro {command}" in one.caveat
    assert found[-1].answer == "Measure" and "4 of 4" in found[-1].sentence


def test_texts_that_cite_too_little_are_not_asked_to_be_measured_again():
    reasons = concluded(faithfulness={"both": {"evidence": {"shift": {"evidence_score": None}}}})[2]
    assert (reasons.tone, reasons.answer) == ("open", "Not testable")
    assert "“both” cites too little" in reasons.sentence and "dvc repro" not in reasons.caveat


def test_partial_and_odd_figures_give_no_error():
    for figures in ({}, {"evidence": None}, {"evidence": {}}, {"evidence": {"shift": {"evidence_score": None}}}):
        assert len(concluded(faithfulness={"both": figures}, alignment={"both": {}}, recommender={})) == 5


def test_the_best_mode_comes_first_and_what_is_not_aligned_last():
    inputs = ReportInputs(sources=["none", "template", *SOURCES[:2]], params={}, alignment=GOOD["alignment"])
    assert rank_sources(inputs) == ["both", "behaviour", "none", "template"]
