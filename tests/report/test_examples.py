"""The two cards at the head of the report: which cases they show, and why."""

from dataclasses import replace

import numpy as np
import pytest

from recexplainer.report import cases as explored
from recexplainer.report.examples import choose_examples, make_examples, measure
from recexplainer.report.page import build_page
from tests.records import make_explanation, make_judgement

REMOVAL = {"p": 0.08, "rank": 2.0, "p_without": 0.02, "rank_without": 9.0, "p_random": 0.07}


def merit(tested=None, score=3, **changes):
    judgement = make_judgement(level="ABCD"[score], score=score)
    return measure(make_explanation(**{"cited_items": [1, 3]} | changes), judgement, tested or explored.Tested())


def test_merits_are_ordered_as_the_rule_says():
    strong = explored.Tested(removal=REMOVAL, carrying=frozenset({1, 3}))
    ordered = [
        merit(verdict="No", score=3),
        merit(invented_titles=["Phantom"], score=3),
        merit(explored.Tested(removal=REMOVAL, carrying=frozenset()), score=3),
        merit(explored.Tested(removal=REMOVAL, carrying=frozenset({3})), score=3),
        merit(strong, score=1),
        merit(strong, label="No", verdict="No"),
        merit(explored.Tested(carrying=frozenset({1, 3}))),
        merit(strong),
    ]
    assert sorted(ordered) == ordered and len(set(ordered)) == len(ordered)


def test_a_text_with_a_defect_is_as_wrong_as_a_wrong_verdict():
    assert not merit(defects=["repeats"]).is_right and merit().is_right


def test_the_loss_counts_in_the_direction_of_the_decision():
    tested = explored.Tested(removal=REMOVAL)
    assert merit(tested).gain == pytest.approx(np.log(3.5))
    assert merit(tested, label="No", verdict="No").gain == pytest.approx(-np.log(3.5))
    assert merit(explored.Tested(removal=REMOVAL | {"p_without": 0.0})).gain == 0.0


def test_the_best_and_the_worst_of_the_best_mode_are_chosen_and_stand_first(inputs):
    chosen = choose_examples(inputs)
    assert chosen.source == "both" and chosen.n == 12
    cases = explored.build_cases(inputs, 6, [chosen.best, chosen.worst])
    assert len(cases) == 6 and len({case["id"] for case in cases}) == 6
    best, worst = make_examples(chosen, cases)
    assert best.heading == "Well explained" and best.answer["level"] == "D" and best.case["label"] == "Yes"
    assert worst.heading == "Least well explained", "no answer of this source has a fault"
    assert best.removal is not None and "nats" in best.why


def test_a_wrong_verdict_is_explained_badly(inputs):
    records = list(inputs.explanations["both"])
    records[4] = replace(records[4], verdict="No" if records[4].label == "Yes" else "Yes")
    inputs.explanations["both"] = records
    chosen = choose_examples(inputs)
    assert chosen.worst == records[4].case
    bad = make_examples(chosen, explored.build_cases(inputs, 4, [chosen.best, chosen.worst]))[1]
    assert bad.heading == "Badly explained" and "verdict" in bad.why


def test_answers_that_are_all_alike_are_no_examples(inputs_with):
    same = [replace(record, verdict=record.label, label="Yes") for record in inputs_with().explanations["both"][:1]]
    assert choose_examples(inputs_with(sources=["both"], explanations={"both": same})) is None
    assert choose_examples(inputs_with(explanations={})) is None
    assert choose_examples(inputs_with(catalogue=None)) is None


def test_the_page_opens_with_the_sentences_and_the_cards_and_titles_stay_text(inputs):
    page = build_page(inputs, 6)
    head = page[page.index('<section id="conclusions"') : page.index('<section id="run"')]
    assert head.count("<h3>") == 6 and head.count("<article") == 2
    assert "Well explained" in head and "<script" not in head and "<img" not in head and "<item>" not in head
