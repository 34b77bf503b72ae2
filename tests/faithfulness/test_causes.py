"""Six users of the small catalogue: what drove their next choice, and texts that say so or do not."""

from typing import Any

import pandas as pd
import pytest

from recexplainer.citations.attributes import attribute_index
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.features import named_features
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import Interactions
from recexplainer.faithfulness.causes import Cause, KnownCauses, cause_figures, known_causes
from tests.faithfulness.fakes import make_catalogue, make_record

NEXT = {  # user: (the item taken next, cause, driver, the item explained)
    1: (2, "franchise", "Ember Crown", 2),
    2: (2, "franchise", "Ember Crown", 2),
    3: (3, "platform_genre", "Nova 64 / Racing", 2),  # the platform is that of item 2, the genre is not
    4: (5, "platform_genre", "Orbit 2 / Puzzle", 7),
    5: (10, "popularity", "", 4),
    6: (11, "franchise", "Silent Valley", 2),  # item 2 is of another series: its series neither drove nor did not
}


@pytest.fixture
def causes() -> KnownCauses:
    interactions = Interactions.from_frame(
        pd.DataFrame(
            [
                {"user_id": user, "item_id": item, "position": position}
                for user, (chosen, *_) in NEXT.items()
                for position, item in enumerate([1, chosen])
            ]
        ),
        12,
    )
    frame = pd.DataFrame(
        [
            {"reviewerID": f"U{user}", "asin": f"R{chosen}", "cause": cause, "driver": driver}
            for user, (chosen, cause, driver, _) in NEXT.items()
        ]
    )
    records = [*(make_record(user_id=user, position=1) for user in NEXT), make_record(user_id=1, position=2)]
    return known_causes(frame, records, interactions, [f"U{n}" for n in range(1, 7)], [f"R{n}" for n in range(1, 13)])


def figures(texts: dict[int, str], causes: KnownCauses, games: Catalogue, label: str = "Yes") -> dict[str, Any]:
    records = [
        make_record(user_id=user, item_id=NEXT[user][3], history=[1, 6], text=text, label=label)
        for user, text in texts.items()
    ]
    citations = [resolve_citations(record.text, [1, 6], games, record.item_id) for record in records]
    index = attribute_index(games)
    named = [named_features(record.text, found, index) for record, found in zip(records, citations, strict=True)]
    asked = KnownCauses(causes.of_records[: len(records)], causes.values)
    return cause_figures(records, asked, citations, named, index, seed=0)


def test_the_cause_of_the_choice_at_the_position_is_found(causes: KnownCauses) -> None:
    first, second, third, fourth, fifth, _, beyond = causes.of_records
    assert first is not None and first.drivers == {"franchise": "Ember Crown"} and first.item_id == 2
    assert third is not None and third.drivers == {"platform": "Nova 64", "genre": "Racing"}
    assert fifth is not None and fifth.drivers == {}
    assert beyond is None  # the sequence ends there
    assert causes.values["platform"] == {"Nova 64", "Orbit 2"}


def test_every_figure_by_hand(causes: KnownCauses, games: Catalogue) -> None:
    texts = {
        1: 'Yes. It belongs to the series of "Ember Crown".',  # names the series
        2: "Yes. A game for the Nova 64.",
        3: "Yes. A game for the Nova 64.",
        4: "Yes. A puzzle for the Orbit 2.",
        5: "Yes. For the Orbit 2.",
        6: "Yes.",
    }
    found = figures(texts, causes, games)
    series = found["franchise"]
    assert (series["n"], series["n_chosen"], series["named"]) == (2, 2, 0.5)
    # of the other users' texts with a series to name (2, 3, 6 for user 1; 1, 3, 6 for user 2) one names it
    assert series["shuffled"] == pytest.approx(1 / 6)
    assert (series["n_otherwise"], series["named_otherwise"]) == (1, 0.0)  # user 3, driven by platform and genre
    assert series["p_value"] == pytest.approx(2 / 3)  # one of three names it: in two of three ways one that was driven
    platform = found["platform"]
    assert (platform["n"], platform["n_chosen"], platform["named"]) == (2, 0, 1.0)  # users 3 and 4
    assert platform["shuffled"] == pytest.approx(2 / 10)  # user 2's text for user 3, user 5's for user 4
    assert (platform["n_otherwise"], platform["named_otherwise"]) == (4, 0.5)  # of users 1, 2, 5 and 6, 2 and 5
    assert platform["p_value_over_shuffled"] == pytest.approx(0.5, abs=0.05)  # one of two ways to deal two texts
    assert (found["genre"]["n"], found["genre"]["named"]) == (1, 1.0)


def test_decisions_against_an_item_have_no_cause(causes: KnownCauses, games: Catalogue) -> None:
    found = figures(dict.fromkeys(NEXT, "No. Nova 64."), causes, games, label="No")
    for kind in ("platform", "genre", "franchise"):
        assert (found[kind]["n"], found[kind]["n_otherwise"]) == (0, 0)
        assert found[kind]["named"] is found[kind]["shuffled"] is found[kind]["p_value"] is None


def test_texts_that_know_the_cause_beat_both_controls_and_those_that_name_all_beat_one() -> None:
    """Forty users, every second one driven by the series; the others took what is popular."""
    names = ["Red", "Blue", "Green", "Grey", "Black"]
    games = make_catalogue([f"{name} Fox{number}" for name in names for number in ("", " II")])
    drivers = [{"franchise": f"{names[n % 5]} Fox"} if n % 2 else {} for n in range(40)]

    def told(knows: bool) -> dict[str, Any]:
        records = [
            make_record(
                user_id=n + 1,
                item_id=2 * (n % 5) + 2,
                history=[2 * (n % 5) + 1, 2 * ((n + 1) % 5) + 1],
                text=f'Yes. Of the series of "{names[n % 5]} Fox".' if n % 2 or not knows else "Yes. It is loved.",
            )
            for n in range(40)
        ]
        citations = [resolve_citations(r.text, r.history, games, r.item_id) for r in records]
        causes = KnownCauses(
            [Cause(driver, r.item_id) for driver, r in zip(drivers, records, strict=True)],
            {"platform": frozenset(), "genre": frozenset(), "franchise": frozenset(f"{name} Fox" for name in names)},
        )
        index = attribute_index(games)
        named = [named_features(r.text, found, index) for r, found in zip(records, citations, strict=True)]
        return cause_figures(records, causes, citations, named, index, seed=0)["franchise"]

    knowing, always = told(True), told(False)
    assert knowing["named"] == always["named"] == 1 and knowing["n"] == 20
    assert max(knowing["p_value_over_shuffled"], always["p_value_over_shuffled"]) < 0.001
    assert knowing["named_otherwise"] == 0 and knowing["p_value"] < 1e-6
    assert always["named_otherwise"] == 1 and always["p_value"] == 1
