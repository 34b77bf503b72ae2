import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recexplainer.core.records.evidence import Evidence
from recexplainer.core.records.explanation import Explanation, Label
from recexplainer.core.settings import load_settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.perturbation import Decision
from recexplainer.evidence.sentences import load_sentences
from recexplainer.evidence.verification import verify
from recexplainer.explaining.cases import Case
from recexplainer.explaining.template import TemplateWriter, attributes_to_say, decision_of
from recexplainer.judging.rubric import judge_by_rubric
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.prompting.requests import load_request
from recexplainer.recommenders.base import Recommender
from recexplainer.store.typed import from_row, to_row
from tests.evidence.planted import (
    N_ITEMS,
    N_SHOWN,
    decisions_of,
    fixed_pair,
    genre,
    only_genre,
    only_newest,
    only_popularity,
)
from tests.faithfulness.fakes import make_catalogue

FIRST_WORDS = ("Amber", "Bold", "Cold", "Dark", "Early", "Fair")
GENRES = ("Racing", "Puzzle", "Shooter", "Horror", "Strategy", "Adventure")


def games(kind: str) -> Catalogue:
    """Titles alone, with one attribute, or with several."""
    items: list[dict[str, Any]] = []
    for item in range(1, N_ITEMS + 1):
        known: dict[str, Any] = {"title": f"{FIRST_WORDS[item % 6]} Game {chr(65 + item % 26)}{item}"}
        if kind != "titles":
            known["categories"] = ["Games", GENRES[genre(item)]]
        if kind == "several":
            known |= {"brand": f"{['Fox', 'Owl', 'Elk'][item % 3]} Labs", "features": [f"Platform: Orbit {item % 4}"]}
        items.append(known)
    return make_catalogue(items)


def writer_of(recommender: Recommender, catalogue: Catalogue | None = None) -> TemplateWriter:
    """The template in English."""
    return TemplateWriter(
        recommender,
        PromptWriter(catalogue or games("several"), n_categories=2),
        load_request(load_settings().explain),
        load_sentences(None),
        Bounds(top_k=5, like_top=0.2, dislike_bottom=0.5),
    )


def explained(
    recommender: Recommender, always: Sequence[int] = (), catalogue: Catalogue | None = None, n: int = 60
) -> tuple[list[Case], list[Explanation]]:
    """What the template says of decisions on the best and the worst items."""
    writer = writer_of(recommender, catalogue)
    cases = []
    for number, decision in enumerate(decisions_of(recommender, n, always)):
        scores = recommender.scores([decision.history], exclude_seen=True)[0].double().numpy()
        ranked = scores[np.isfinite(scores)]
        rank = int((ranked >= scores[decision.item_id]).sum())
        example = Example(
            task="interest_classification", split="", user_id=number + 1, position=N_SHOWN, vector_row=0,
            history=decision.history, items=[decision.item_id], answer=decision.label, aspect="explain",
        )  # fmt: skip
        cases.append(Case(example, decision.history, float(scores[decision.item_id]), rank, len(ranked)))
    return cases, writer.explain(cases)


PAIR = (7, 23)
PLANTED = {
    "newest": (only_newest(), ()),
    "genre": (only_genre(), ()),
    "popularity": (only_popularity(), ()),
    "pair": (fixed_pair(PAIR, together=True), PAIR),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_it_cites_the_planted_reason_and_nothing_else(name: str) -> None:
    cause, always = PLANTED[name]
    cases, records = explained(cause.recommender, always, n=200)
    exact = []
    for case, record in zip(cases, records, strict=True):
        reason = cause.reason(decision_of(case))
        assert record.evidence is not None
        exact.append(set(record.cited_items) == reason or (len(reason) > 3 and set(record.cited_items) <= reason))
        assert (record.verdict, record.p_yes, record.other_items, record.invented_titles) == (case.label, None, [], [])
        assert record.text.startswith(f'{case.label}. "')
        assert record.text.endswith(".")
        if not record.evidence.items:
            assert "; no single item of the history carries much of this." in record.text
    assert np.mean(exact) >= 0.95
    numbers = [
        (case, said) for case, record in zip(cases, records, strict=True) for said in record.counterfactuals or []
    ]
    assert len(numbers) >= 200
    assert verify(cause.recommender, [decision_of(case) for case, _ in numbers], [said for _, said in numbers]).all()


@pytest.mark.parametrize("kind", ["titles", "one", "several"])
def test_it_works_for_any_catalogue_and_every_fact_holds(kind: str) -> None:
    catalogue = games(kind)
    _, records = explained(only_genre().recommender, catalogue=catalogue)
    levels = [judge_by_rubric(record, catalogue) for record in records if record.cited_items]
    assert len(levels) > 30
    assert all(
        judgement.reasons["false_attributes"] == judgement.reasons["unseen_titles"] == [] for judgement in levels
    )
    assert {judgement.level for judgement in levels} == ({"C"} if kind == "titles" else {"D"})
    said = [record.text for record in records if record.evidence and record.evidence.items and record.label == "Yes"]
    assert all(("Puzzle" in text and "like it)" in text) == (kind != "titles") for text in said)


def test_an_item_between_the_liked_and_the_disliked_ones_has_no_verdict() -> None:
    cause = only_genre()
    cases, _ = explained(cause.recommender, n=2)
    between = replace(cases[0], example=replace(cases[0].example, answer=""))
    (record,) = writer_of(cause.recommender).explain([between])
    assert (record.label, record.verdict) == (None, None)
    assert record.text.startswith("Neither Yes nor No. ")


def test_older_items_are_told_and_not_named() -> None:
    cause = only_newest()
    cases, _ = explained(cause.recommender, n=1)
    hidden = replace(cases[0], example=replace(cases[0].example, history=cases[0].history[:0]))
    (record,) = writer_of(cause.recommender).explain([hidden])
    assert record.evidence is not None
    assert record.evidence.older == cases[0].history[-1]
    assert "because of older items of the user" in record.text
    assert record.cited_items == record.other_items == []


@pytest.mark.parametrize(
    ("label", "item", "said"),
    [
        ("Yes", 2, ["Fox Labs", "Puzzle"]),
        ("Yes", 3, []),  # shares what all items have, and nothing else
        ("Yes", 1, []),  # an item is not like itself
        ("No", 3, ["Owl Labs", "Horror"]),
        ("No", 2, ["Orbit"]),  # not the Puzzle that both have
        ("No", 4, []),  # nothing is known of it, so nothing is unlike
    ],
)
def test_an_item_is_told_by_its_own_attributes(label: Label, item: int, said: list[str]) -> None:
    """And only what the catalogue knows of both: that a genre is missing does not make the item unlike the other."""
    known = {"categories": ["Games"], "brand": "", "features": ["Platform: Nova"]}
    catalogue = make_catalogue(
        [
            {
                "title": "Amber Game",
                "brand": "Fox Labs",
                "categories": ["Games", "Puzzle"],
                "features": ["Platform: Nova"],
            },
            {
                "title": "Bold Game",
                "brand": "Fox Labs",
                "categories": ["Games", "Puzzle"],
                "features": ["Platform: Orbit"],
            },
            {"title": "Cold Game", "brand": "Owl Labs", "categories": ["Games", "Horror"], "features": ["Players: 9"]},
            {"title": "Dark Game", "categories": ["Games"]},
            *({"title": f"Early Game {n}", **known} for n in range(9)),
        ]
    )
    assert attributes_to_say(catalogue, Decision([item], 1, label=label), item) == said
    if item == 4:
        assert attributes_to_say(catalogue, Decision([3], 4, label="No"), 3) == []


def test_what_is_appended_is_true_and_no_part_of_the_text() -> None:
    """Only evidence is named, behind a whole text whose verdict is the recommender's; the citations stay the LLM's."""
    recommender = fixed_pair(PAIR, together=True).recommender
    cases, records = explained(recommender, PAIR, n=40)
    texts = [
        replace(own, source="both", text=f"{own.label}. It is new.", citations=[], cited_items=[], counterfactuals=None)
        for own in records
    ]
    texts[0] = replace(texts[0], defects=["cut"])
    texts[1] = replace(texts[1], verdict="Yes")
    texts[2] = replace(texts[2], evidence=Evidence([], [], "shift"))
    found = writer_of(recommender).append_to(texts, cases)
    assert found[:3] == texts[:3]
    assert len(found[3:]) == sum(record.appended is not None for record in found)
    for case, text, record in zip(cases[3:], texts[3:], found[3:], strict=True):
        [said] = record.counterfactuals or []
        assert replace(record, counterfactuals=None, appended=None) == text
        assert verify(recommender, [decision_of(case)], [said]).all() and set(said.removed) <= set(PAIR)
        assert record.told == f"{text.text} {load_sentences(None).counterfactual(said, games('several'))}"
    assert {said.kind for record in found for said in record.counterfactuals or []} == {"removal", "none"}


def test_a_record_comes_back_from_its_file_as_it_was() -> None:
    _, records = explained(only_newest().recommender, n=4)
    assert [from_row(json.dumps(to_row(record)), Explanation, "", "") for record in records] == records
