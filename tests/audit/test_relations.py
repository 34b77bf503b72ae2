"""How items are related, in the awkward small world."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recexplainer.audit.relations import Relations
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import Interactions

ROWS = [
    ("Rust", "Nova", ["Games", "Puzzle"], "quiet towers by the sea"),
    ("Rust II", "Orbit", ["Games", "Racing"], "loud engines"),
    ("Fox", "Nova", ["Games", "Racing"], "loud engines"),
    ("Harbor", "", ["Games"], "quiet towers by the sea"),
    ("Amber", "", ["Games"], ""),
]


def relations(sequences: list[list[int]], n_near: int = 1) -> Relations:
    frame = pd.DataFrame(ROWS, columns=["title", "brand", "categories", "description"]).assign(
        item_id=range(1, 6), raw_id=[f"r{row}" for row in range(5)], features=[[] for _ in range(5)], price=float("nan")
    )
    offsets = np.concatenate([[0, 0], np.cumsum([len(own) for own in sequences])])
    return Relations(Catalogue(frame), Interactions(np.concatenate(sequences).astype(np.int32), offsets, 5), n_near)


def test_what_the_catalogue_says() -> None:
    found = relations([[1], [2], [3], [4], [5]])
    assert "series" in found.between(1, 2) and "brand" not in found.between(1, 2)
    assert "brand" in found.between(1, 3)
    assert "category" in found.between(2, 3)
    assert "category" not in found.between(1, 2), "everybody has the category Games; a series is not a category"
    assert found.between(4, 5) == {"unrelated"}, "no brand is not the same brand"
    assert found.names_of(1) == {"Nova", "Puzzle", "rust series"}


def test_the_nearest_text_counts_in_one_direction() -> None:
    found = relations([[1], [2], [3], [4], [5]])
    assert "text" in found.between(4, 1) and "text" in found.between(3, 2)
    assert "text" not in found.between(1, 2)


def test_co_taken_beside_popularity() -> None:
    """Item 5 was taken with item 1 by all who took either, item 2 by all of item 1's users and by everybody else."""
    found = relations([[1, 2, 5], [1, 2, 5], [2, 3], [2, 4], [2, 4], [2, 3]])
    assert "co_taken" in found.between(5, 1) and "co_taken" not in found.between(2, 1)
    assert "co_taken" not in found.between(3, 5)
    assert "co_taken" in relations([[1, 2, 5], [1, 2, 5], [2, 3]], n_near=2).between(2, 1)


@pytest.mark.parametrize("n_near", [1, 3])
def test_co_taken_are_the_first_of_all_items_by_cosine(n_near: int) -> None:
    """Users take some items twice; of equal cosines the lower id is nearer."""
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 6, size=4).tolist() for _ in range(12)]
    found = relations(sequences, n_near)
    takers = {item: {user for user, own in enumerate(sequences) if item in own} for item in range(1, 6)}
    for target in range(1, 6):
        cosines = {
            item: len(own & takers[target]) / (len(own) * len(takers[target])) ** 0.5
            for item, own in takers.items()
            if item != target and own & takers[target]
        }
        nearest = sorted(cosines, key=lambda item: (-round(cosines[item], 6), item))[:n_near]
        assert {item for item in takers if item != target and "co_taken" in found.between(item, target)} == set(nearest)
