"""Two audits of the same users: which way the shares moved, and how many first items both recommend."""

from __future__ import annotations

import pytest
import torch

from recexplainer.audit.audit import audit_recommender
from recexplainer.audit.comparison import compare_audits
from tests.audit import world
from tests.evidence.planted import N_ITEMS, Planted, only_newest, only_popularity


def liking(*items: int) -> Planted:
    """Recommends the same items to everybody, in their order."""
    scores = torch.zeros(N_ITEMS + 1)
    scores[list(items)] = torch.arange(len(items), 0, -1).float()
    return Planted(lambda item_ids: scores.repeat(len(item_ids), 1))


def test_changes_are_the_new_shares_minus_the_old() -> None:
    plan = world.plan(world.interactions())
    new, old = (audit_recommender(cause.recommender, plan) for cause in (only_newest(), only_popularity()))
    found = compare_audits(new, old, plan.draws)
    assert found["top"]["newest"] >= 0.95 and found["top"]["nothing"] <= -0.95 and found["top"]["hangs_on_one"] >= 0.95
    assert found["largest_change"] >= 0.95
    low, high = found["top"]["newest_interval"]
    assert low <= found["top"]["newest"] <= high


def test_the_same_top_is_a_share_of_the_first_items() -> None:
    plan = world.plan(world.interactions(), top_k=2)
    new, old = (audit_recommender(liking(*items), plan) for items in ((40, 41), (41, 42)))
    assert compare_audits(new, old, plan.draws)["same_top"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("column", ["falls", "newest"])
def test_the_largest_change_is_found_in_every_part_and_share(column: str) -> None:
    """A gate bounds it: disliked items, and what hangs on one item, were once left out."""
    plan = world.plan(world.interactions())
    new, old = (audit_recommender(only_newest().recommender, plan) for _ in range(2))
    table = new.carriers.table
    of_part = table["part"] == "disliked"
    assert of_part.any() and compare_audits(new, old, plan.draws)["largest_change"] == 0
    table.loc[of_part, column] = 1 - table.loc[of_part, column].astype(int)
    found = compare_audits(new, old, plan.draws)
    assert found["largest_change_of"] == f"disliked.{'hangs_on_one' if column == 'falls' else column}"
    assert found["largest_change"] == abs(found["disliked"]["hangs_on_one" if column == "falls" else column]) > 0
