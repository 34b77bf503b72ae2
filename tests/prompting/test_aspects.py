from __future__ import annotations

import pytest

from recexplainer.data.catalogue import Catalogue
from recexplainer.prompting.aspects import values_under
from tests import tiny


def catalogue() -> Catalogue:
    frame = tiny.catalogue().frame
    frame.loc[0, "price"] = 19.5
    frame["features"] = [["Platform: Nova 64", "Genre: RPG", "Genre:", "Made with care"]] * len(frame)
    return Catalogue(frame)


@pytest.mark.parametrize(
    ("aspect", "facts"),
    [
        ("price", ["19.50"]),
        ("Brand", ["Wolf Works"]),
        ("franchise", ["rust series"]),
        ("platform", ["Nova 64"]),
        (" GENRE ", ["RPG"]),
        ("made with care", []),
        ("colour", []),
    ],
)
def test_facts_are_what_the_catalogue_states(aspect: str, facts: list[str]) -> None:
    assert values_under(catalogue(), 1, aspect) == facts


def test_what_is_unknown_gives_no_facts() -> None:
    assert values_under(catalogue(), 2, "price") == [] and values_under(catalogue(), 2, "brand") == []
    assert values_under(catalogue(), 12, "franchise") == []
