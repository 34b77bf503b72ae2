import numpy as np
import pytest
import torch

from recexplainer.core.records.explanation import Label
from recexplainer.evidence.perturbation import VARIANTS, Decision, Perturbation
from recexplainer.evidence.removal import greedy_orders, greedy_steps, leave_one_out_orders, losses_alone, shown_items
from tests.evidence.planted import shown_of
from tests.faithfulness.fakes import AdditiveRecommender


@pytest.mark.parametrize("label", ["Yes", "No"])
def test_greedy_sees_that_two_items_stand_for_each_other_and_leave_one_out_does_not(label: Label) -> None:
    """Items 1 and 3 give 2 together (one is enough), item 3 another .5, item 2 .2: for the item of a Yes, else against.

    Alone, item 3 counts .5, item 2 .2, item 1 nothing. Once item 3 is gone, item 1 counts 2.
    """

    class OneIsEnough(AdditiveRecommender):
        kind = f"one-is-enough-for-{label}"

        def _score(self, item_ids: torch.Tensor) -> torch.Tensor:
            first, second, third = ((item_ids == item).any(dim=1).float() for item in (1, 2, 3))
            scores = torch.zeros(len(item_ids), 6)
            scores[:, 5] = 2 * torch.maximum(first, third) + 0.5 * third + 0.2 * second
            return scores if label == "Yes" else -scores

    decisions = [Decision([1, 2, 3], 5, label=label), Decision([2], 5, label=label)]
    perturbation = Perturbation(OneIsEnough(torch.zeros(6, 6)), decisions)
    for variant in VARIANTS:
        assert leave_one_out_orders(perturbation, variant) == [[2, 1, 0], [0]]
        assert greedy_orders(perturbation, variant) == [[2, 0, 1], [0]]


def random_decisions(n: int) -> tuple[AdditiveRecommender, list[Decision]]:
    """Histories with repeats, of which the newest part is shown; every second decision is a No."""
    rng = np.random.default_rng(3)
    recommender = AdditiveRecommender(torch.randn(13, 13, generator=torch.Generator().manual_seed(3)))
    decisions = []
    for number in range(n):
        history = rng.integers(1, 13, size=rng.integers(1, 8)).tolist()
        n_shown = int(rng.integers(1, len(history) + 1))
        decisions.append(Decision(history, int(rng.integers(1, 13)), n_shown, "No" if number % 2 else "Yes"))
    return recommender, decisions


def lost(recommender: AdditiveRecommender, decision: Decision, gone: set[int]) -> float:
    """What a decision loses without some items, asked one by one."""
    left = [item for item in decision.history if item not in gone]
    before, after = (
        float(recommender.scores([history])[0].double().log_softmax(0)[decision.item_id])
        for history in (decision.history, left)
    )
    return before - after if decision.label == "Yes" else after - before


def test_greedy_and_alone_are_what_one_asks_one_by_one() -> None:
    recommender, decisions = random_decisions(60)
    perturbation = Perturbation(recommender, decisions)
    shown = shown_items(perturbation)
    alone = losses_alone(perturbation, shown, "shift")
    steps = greedy_steps(perturbation, alone, "shift", n_steps=3)
    for row, decision in enumerate(decisions):
        items = shown_of(decision)
        columns = np.nonzero(shown[row])[0]
        assert sorted(perturbation.items[row, columns].tolist()) == sorted(items)
        for column in columns.tolist():
            only = {int(perturbation.items[row, column])}
            assert alone[row, column] == pytest.approx(lost(recommender, decision, only), abs=1e-5)
        gone, so_far = set[int](), 0.0
        assert len(steps[row]) == min(3, len(items))
        for column, gain in steps[row]:
            best = max(lost(recommender, decision, gone | {item}) for item in items - gone)
            gone.add(int(perturbation.items[row, column]))
            assert lost(recommender, decision, gone) == pytest.approx(best, abs=1e-5)
            assert gain == pytest.approx(best - so_far, abs=1e-5)
            so_far = best
