from __future__ import annotations

import pandas as pd
import pytest

from recexplainer.citations.facts import BRAND, PRICE, YEAR, Facts
from recexplainer.data.catalogue import Catalogue


@pytest.fixture(scope="module")
def facts() -> Facts:
    rows = [
        ("Ember Crown (2014)", "Sky Forge", ["Games", "Nova", "Racing"], ["Genre: Racing", "Platform: Nova 64"], 19.99),
        ("Ember Crown II", "Sky Forge", ["Games", "Orbit", "Puzzle"], ["Genre: Puzzle"], 1019.0),
        ("Iron Wolf", "", ["Games", "Orbit"], [], float("nan")),
        *((f"Number {n}", "", ["Games"], [], float("nan")) for n in "ABC"),
    ]
    frame = pd.DataFrame(rows, columns=["title", "brand", "categories", "features", "price"])
    frame["item_id"], frame["raw_id"], frame["description"] = range(1, 7), list("abcdef"), ""
    return Facts(Catalogue(frame))


@pytest.mark.parametrize(
    "text, kind, holding",
    [
        ("a Racing game", "genre", [1]),
        ("for the Nova 64.", "platform", [1]),
        ("for the Orbit.", "category 1", [2, 3]),
        ("by Sky Forge,", BRAND, [1, 2]),
        ("of 2014,", YEAR, [1]),
        ("for $19.99.", PRICE, [1]),
        ("for $1,019 only", PRICE, [2]),
    ],
)
def test_claims_have_kinds_and_hold_for_some_items(facts: Facts, text: str, kind: str, holding: list[int]) -> None:
    [claim] = facts.claims(text)
    assert claim.kind == kind and [item for item in (1, 2, 3) if facts.holds(claim, item)] == holding


def test_what_holds_for_all_of_several_items(facts: Facts) -> None:
    assert facts.values("genre", [1]) == ["Racing"] and facts.values("genre", [1, 2]) == []
    assert facts.values("category 1", [2, 3]) == ["Orbit"] and facts.values(BRAND, [1, 2]) == ["Sky Forge"]
    assert facts.values(PRICE, [2]) == ["$1019.00"] and facts.values(PRICE, [3]) == facts.values(PRICE, [1, 2]) == []
    assert facts.values(YEAR, [1]) == ["2014"] and facts.values(YEAR, [3]) == []
    assert facts.are_one_series([1, 2]) and not facts.are_one_series([1, 3])


def test_masked_and_denied_values_and_what_most_items_hold_are_no_claims(facts: Facts) -> None:
    assert facts.claims("Games, not a Racing game") == []
    assert facts.claims("Ember Crown (2014) is new", [(0, 18)]) == []
