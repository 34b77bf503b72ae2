"""The sentences say what the figures say, and a number that does not hold is found."""

from __future__ import annotations

import copy

import pytest

from recexplainer.audit.audit import audit_figures, audit_recommender
from recexplainer.audit.relations import RELATIONS
from recexplainer.audit.sentences import leading_relation, write_sentences
from tests.audit import world
from tests.evidence.planted import fixed_pair, only_genre, only_newest, only_popularity


def test_the_sentences_of_the_newest_item_alone() -> None:
    plan = world.plan(world.interactions())
    audited = audit_recommender(only_newest().recommender, plan)
    where, _, few = write_sentences(audit_figures(audited, plan), audited, plan)
    assert where.text.startswith(
        "Of the first 1 items of each ranking, 100 % rest most on the newest item of the history"
    )
    assert "(by chance 12 %), 0 % on an item older than those that an explanation shows, 0 % on" in where.text
    assert "0 % on several items only together, and 0 % on none." in where.text
    assert "100 % hang on one item, without which they leave the first 1." in few.text


def test_the_leading_relation_is_what_the_items_share() -> None:
    plan = world.plan(world.interactions(always=(7,)), top_k=3)
    audited = audit_recommender(only_genre(1).recommender, plan)
    figures = audit_figures(audited, plan)
    assert leading_relation(figures["top"]) in ("category", "text")  # the genre is all that is written of an item


def test_a_relation_that_most_items_have_does_not_lead() -> None:
    shares, chance = dict.fromkeys(RELATIONS, 0.1), dict.fromkeys(RELATIONS, 0.1)
    figures = {"shares": shares | {"category": 0.9, "brand": 0.4}, "chance": chance | {"category": 0.8}}
    assert leading_relation(figures) == "brand"


def test_where_nothing_carries_no_relation_is_named() -> None:
    plan = world.plan(world.interactions(), top_k=5)
    audited = audit_recommender(only_popularity().recommender, plan)
    texts = [said.text for said in write_sentences(audit_figures(audited, plan), audited, plan)]
    assert "100 % on none" in texts[0] and "no more than items drawn by chance" in texts[1]
    assert texts[2].startswith("No shown item carries any")


def test_the_sentence_of_items_that_stand_for_each_other() -> None:
    plan = world.plan(world.interactions(always=(7, 23)), top_k=4)
    audited = audit_recommender(fixed_pair((7, 23), together=False).recommender, plan)
    texts = [said.text for said in write_sentences(audit_figures(audited, plan), audited, plan) if said.holds]
    assert "100 % on several items only together, and 0 % on none." in texts[0]
    assert "no more than items drawn by chance" in texts[1] and "0 % hang on one item" in texts[2]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (("shares", "newest"), 0),
        (("shares", "together"), 0),
        (("shares", "nothing"), 0),
        (("shares", "leading"), 1),
        (("hangs_on_one",), 2),
        (("items_for_half",), 2),
    ],
)
def test_a_number_that_is_wrong_does_not_hold(path: tuple[str, ...], number: int) -> None:
    plan = world.plan(world.interactions(always=(7,)), top_k=3)
    audited = audit_recommender(only_genre(1).recommender, plan)
    figures = copy.deepcopy(audit_figures(audited, plan))
    place = figures["top"]
    *outer, last = path
    for name in outer:
        place = place[name]
    place[leading_relation(figures["top"]) if last == "leading" else last] += 0.02
    holds = [said.holds for said in write_sentences(figures, audited, plan)]
    assert holds == [row != number for row in range(3)]
