import json
from dataclasses import replace

import numpy as np
import pytest

from recexplainer.citations.citations import resolve_citations
from recexplainer.report.cases import build_cases, mark_text, read_reasons, spread_cases


def test_text_is_cut_at_titles_and_nothing_of_it_is_lost(inputs):
    text = '"Ember Drift" and "Royal Puzzle & Friends", not "Phantom of Nowhere", suit "Golden Forge V".'
    pieces = mark_text(text, resolve_citations(text, [1, 3], inputs.catalogue, 10).mentions)
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece in pieces if piece[1]] == [
        ["Ember Drift", "history"],
        ["Royal Puzzle & Friends", "catalogue"],
        ["Phantom of Nowhere", "invented"],
        ["Golden Forge V", "target"],
    ]


def test_a_cited_item_that_carries_nothing_is_idle(inputs):
    text = '"Ember Drift" and "Golden Forge V".'
    mentions = resolve_citations(text, [1, 3], inputs.catalogue, 10).mentions
    kinds = {
        carrying: [kind for _, kind in mark_text(text, mentions, carrying) if kind] for carrying in ((), (1,), (10,))
    }
    assert kinds == {(): ["idle", "target"], (1,): ["history", "target"], (10,): ["idle", "target"]}


def test_what_the_recommender_says_of_items_and_attributes_stands_beside_the_answer(inputs_with):
    inputs = inputs_with()
    record = inputs.explanations["both"][0]
    rows = inputs.faithfulness_rows["both"]
    inputs.faithfulness_rows["both"] = rows.assign(
        carrying_items_mask=[np.array(record.cited_items[:1])] * len(rows),
        claimed_attributes=[["Racing", "Nova 64", "Fox"]] * len(rows),
        claim_outcomes=[["tested", "no_exchange", "false"]] * len(rows),
        claim_effects=[[0.25, None, np.nan]] * len(rows),
    )
    answer = build_cases(inputs, 100)[0]["answers"][2]
    assert [kind for _, kind in answer["pieces"] if kind in ("history", "idle")] == ["history", "idle"]
    assert answer["claims"] == [["Racing", "tested", 0.25], ["Nova 64", "no_exchange", None], ["Fox", "false", None]]
    before = build_cases(inputs_with(), 100)[0]["answers"][2]
    assert before["claims"] == [] and "idle" not in [kind for _, kind in before["pieces"]]


def test_text_without_titles_is_one_piece():
    assert mark_text("Yes.", []) == [["Yes.", ""]]
    assert mark_text("", []) == []


def test_an_answer_shows_what_its_record_cites(inputs_with):
    inputs = inputs_with()
    record = inputs.explanations["both"][0]
    inputs.explanations["both"][0] = replace(record, citations=record.citations[:1])
    answer = build_cases(inputs, 100)[0]["answers"][2]
    assert [kind for _, kind in answer["pieces"] if kind] == ["history"] and len(answer["cited"]) == 1


def test_the_template_stands_in_for_a_text_that_is_not_an_explanation(inputs_with):
    inputs = inputs_with()
    record = inputs.explanations["both"][0]
    inputs.explanations["both"][0] = replace(record, text="Fox Fox Fox Fox", citations=[], defects=["repeats"])
    alone = build_cases(inputs, 100)[0]["answers"][2]
    assert (alone["shown"], alone["defects"]) == ("both", ["repeats"])
    inputs.explanations["template"] = [replace(record, source="template", text=f"Template: {record.text}")]
    answer = build_cases(inputs, 100)[0]["answers"][2]
    assert (answer["source"], answer["shown"], answer["cited"]) == ("both", "template", [])
    assert "".join(piece for piece, _ in answer["pieces"]) == f"Template: {record.text}"


def test_beside_a_text_that_stands_in_stands_what_the_recommender_says_of_that_text(inputs_with):
    inputs = inputs_with()
    record, rows = inputs.explanations["both"][1], inputs.faithfulness_rows["both"]  # this row was compared
    own = build_cases(inputs, 100)[1]["answers"][2]["removal"]
    inputs.explanations["both"][1] = replace(record, defects=["repeats"])
    inputs.explanations["template"] = [replace(record, source="template")]
    assert build_cases(inputs, 100)[1]["answers"][2]["removal"] is None
    inputs.faithfulness_rows["template"] = rows.assign(rank_without_mask=99.0)
    assert build_cases(inputs, 100)[1]["answers"][2]["removal"] == own | {"rank_without": 99.0}


def test_answers_of_all_sources_are_joined_by_case_even_in_another_order(inputs_with):
    straight = build_cases(inputs_with(), 100)
    shuffled = inputs_with()
    shuffled.explanations["none"].reverse()
    assert build_cases(shuffled, 100) == straight
    assert len(straight) == 12
    case = straight[0]
    assert [answer["source"] for answer in case["answers"]] == ["behaviour", "intention", "both", "none"]
    assert case["history"][0] == inputs_with().catalogue.title(inputs_with().explanations["both"][0].history[0])
    json.dumps(straight, allow_nan=False)


def test_judgement_and_removal_stand_beside_their_answer(inputs):
    case = build_cases(inputs, 100)[1]  # the row of user 2 was compared, that of user 1 was not
    answer = case["answers"][2]
    assert answer["level"] == "D" and answer["judge"] == "rubric"
    assert answer["reasons"] == [["decision right", "yes"], ["invented", "none"]]
    removal = {"p": 0.08, "rank": 2.0, "p_without": 0.031, "rank_without": 7.0, "p_random": 0.06}
    assert answer["removal"] == pytest.approx(removal)
    assert build_cases(inputs, 100)[0]["answers"][2]["removal"] is None


def test_cited_positions_are_those_of_the_history(inputs):
    case = build_cases(inputs, 100)[0]
    answer = case["answers"][0]
    cited = {case["history"][position] for position in answer["cited"]}
    assert cited == {piece for piece, kind in answer["pieces"] if kind == "history"}
    assert len(cited) == 2


def test_what_is_not_judged_or_measured_yet_is_left_out(inputs_with):
    cases = build_cases(inputs_with(judgements={}, faithfulness_rows={}), 100)
    answer = cases[1]["answers"][0]
    assert (answer["level"], answer["reasons"], answer["removal"]) == (None, [], None)
    assert build_cases(inputs_with(catalogue=None), 100) == []


def test_a_source_that_lacks_a_case_leaves_its_place_empty(inputs_with):
    inputs = inputs_with()
    del inputs.explanations["both"][0]
    sources = [answer["source"] for answer in build_cases(inputs, 100)[0]["answers"]]
    assert sources == ["behaviour", "intention", "none"]


@pytest.mark.parametrize(("n_cases", "n_yes", "n_no"), [(10, 5, 5), (4, 2, 2), (100, 30, 10), (30, 20, 10), (1, 1, 0)])
def test_decisions_are_balanced_as_far_as_they_go(n_cases, n_yes, n_no):
    labels = {(user, 0, user): "Yes" if user % 4 else "No" for user in range(40)}
    chosen = spread_cases(labels, n_cases)
    assert chosen == sorted(set(chosen))
    assert [sum(labels[case] == label for case in chosen) for label in ("Yes", "No")] == [n_yes, n_no]


def test_no_case_is_chosen_from_none():
    assert spread_cases({}, 10) == []
    assert spread_cases({(1, 0, 1): "Yes"}, 0) == []


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (None, []),
        ("It fits.", [["", "It fits."]]),
        ({"a_b": {"c": [1, 2.5]}, "d": None}, [["a b", "c: 1; 2.5"], ["d", "none"]]),
    ],
)
def test_reasons_of_any_form_are_readable(reasons, expected):
    assert read_reasons(reasons) == expected
