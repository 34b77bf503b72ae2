"""Rows of the table, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recexplainer.audit.carriers import KINDS, tabulate_carriers
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.perturbation import Decision
from recexplainer.recommenders.base import Recommender
from tests.audit import world
from tests.evidence.planted import N_ITEMS, Planted
from tests.faithfulness.fakes import AdditiveRecommender


def weights(**of_target: float) -> AdditiveRecommender:
    """Item 31 gains e's power of a weight from items of the history: i1=2.0 is item 1's."""
    weight = torch.zeros(N_ITEMS + 1, N_ITEMS + 1)
    for name, value in of_target.items():
        weight[int(name[1:]), 31] = value
    return AdditiveRecommender(weight)


def row_of(recommender: Recommender, decision: Decision, top_k: int = 1) -> dict[str, float]:
    relations = world.plan(world.interactions()).relations
    found = tabulate_carriers(recommender, [world.audited(decision)], relations, "shift", Bounds(top_k, 0.2, 0.5))
    return world.row(found)


def test_the_strongest_item_and_all_that_carry() -> None:
    """Item 31 is of the genre of items 1, 7, 13 and 19."""
    row = row_of(weights(i2=1.0, i1=2.0), Decision([3, 1, 4, 2], 31))
    assert (row["strongest"], row["earlier"], row["category"]) == (1, 1, 1)
    assert "falls" not in row and "newest" not in row and row["newest_strength"] > 0.1
    assert row["newest_strength"] + row["earlier_strength"] == pytest.approx(row["strength"])
    assert (row["newest_chance"], row["earlier_chance"], row["category_chance"]) == (0.25, 0.75, 0.25)


def test_without_the_only_reason_the_decision_falls() -> None:
    row = row_of(weights(i1=2.0), Decision([3, 4, 1], 31))
    assert (row["newest"], row["falls"]) == (1, 1)
    assert row["strength"] == row["newest_strength"] == row["category_strength"]


def test_an_item_that_is_not_shown_and_nothing_at_all() -> None:
    row = row_of(weights(i1=2.0), Decision([1, 3, 4], 31, n_shown=2))
    assert (row["strongest"], row["unshown"], row["falls"]) == (1, 1, 1)
    assert "category" not in row and "newest_chance" not in row and row["unshown_strength"] == row["strength"]
    assert row_of(weights(), Decision([1, 3, 4], 31))["nothing"] == 1


def test_items_that_carry_only_together_are_of_no_other_kind() -> None:
    """Either of the items 1 and 7, of item 31's genre, is enough; item 3 alone carries nothing."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(item_ids), N_ITEMS + 1)
        scores[:, 31] = 3.0 * torch.isin(item_ids, torch.tensor([1, 7])).any(dim=1)
        return scores

    row = row_of(Planted(score), Decision([1, 3, 7], 31))
    assert row["together"] == 1 and row["together_strength"] == row["strength"] > 0.1
    assert not {"strongest", "falls", "newest", "earlier", "nothing", "category", "newest_chance"} & set(row)


def test_a_repeated_item_is_where_its_newest_place_is() -> None:
    row = row_of(weights(i1=2.0), Decision([1, 3, 1], 31))
    assert row["newest"] == 1 and row["newest_chance"] == 0.5


def test_no_decision_gives_no_row() -> None:
    relations = world.plan(world.interactions()).relations
    found = tabulate_carriers(weights(), [], relations, "shift", Bounds(1, 0.2, 0.5))
    assert found.table.empty and set(KINDS) < set(found.table.columns)
    assert np.isfinite(found.table.to_numpy(dtype=object).astype(float)).all()
