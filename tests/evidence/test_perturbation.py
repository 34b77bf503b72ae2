from math import e

import numpy as np
import pytest
import torch
from torch import Tensor

from recexplainer.evidence.perturbation import Decision, Perturbation, Variant
from tests.faithfulness.fakes import AdditiveRecommender, NewestRecommender


def additive() -> AdditiveRecommender:
    """Six items. exp(score) of item 4 is 2·3 after items 1 and 2, exp(score) of item 5 is 4 after item 3."""
    weight = torch.zeros(7, 7)
    weight[1, 4], weight[2, 4], weight[3, 5] = np.log(2), np.log(3), np.log(4)
    return AdditiveRecommender(weight)


@pytest.mark.parametrize("variant", ["shift", "mask"])
@pytest.mark.parametrize(
    ("kept", "p", "rank"),
    [
        ([1, 1, 1], 6 / 14, 1),
        ([1, 0, 1], 2 / 10, 2),
        ([0, 1, 1], 3 / 11, 2),
        ([0, 1, 0], 3 / 8, 1),
        ([0, 0, 1], 1 / 9, 3),  # item 5 is better, item 6 is level and counts against; 1, 2 and 3 are seen
        ([0, 0, 0], 1 / 6, 3),
    ],
)
def test_probability_and_rank_by_hand(variant: str, kept: list[int], p: float, rank: int) -> None:
    perturbation = Perturbation(additive(), [Decision([1, 2, 3], 4)])
    found = perturbation.outcomes(np.array([0]), np.array([kept], dtype=bool), variant)  # type: ignore[arg-type]
    assert np.exp(found.log_p) == pytest.approx([p])
    assert found.rank.tolist() == [rank]


def test_shift_closes_the_gap_and_mask_leaves_it() -> None:
    perturbation = Perturbation(NewestRecommender(6), [Decision([2, 5], 3)])
    without_newest = np.array([[True, False]])
    shifted = perturbation.outcomes(np.array([0]), without_newest, "shift")
    masked = perturbation.outcomes(np.array([0]), without_newest, "mask")
    assert np.exp(shifted.log_p) == pytest.approx([e / (5 + e)])  # item 2 is the newest now
    assert np.exp(masked.log_p) == pytest.approx([1 / 6])  # nobody stands in the newest place


def test_many_deletions_at_once_are_those_one_by_one() -> None:
    rng = np.random.default_rng(0)
    recommender = AdditiveRecommender(torch.randn(31, 31, generator=torch.Generator().manual_seed(0)))
    cases = [
        Decision([int(item) for item in rng.integers(1, 31, size=length)], int(rng.integers(1, 31)))
        for length in (1, 4, 9, 9)
    ]
    perturbation = Perturbation(recommender, cases)
    rows = rng.integers(len(cases), size=200)
    kept = rng.random((200, 9)) < 0.6
    together = perturbation.outcomes(rows, kept, "shift")
    for number in range(0, 200, 7):
        case = cases[rows[number]]
        columns = range(9 - len(case.history), 9)
        left = [item for item, column in zip(case.history, columns, strict=True) if kept[number, column]]
        scores = recommender.scores([left])[0].double()
        expected = float(scores.log_softmax(0)[case.item_id])
        rivals = set(range(1, 31)) - set(case.history) - {case.item_id}
        rank = 1 + sum(bool(scores[item] >= scores[case.item_id]) for item in rivals)
        assert together.log_p[number] == pytest.approx(expected, abs=1e-6)
        assert together.rank[number] == rank


class Recording(AdditiveRecommender):
    """Remembers the histories that it scores; reads the newest three items."""

    kind = "recording-for-tests"

    def __init__(self, n_items: int) -> None:
        super().__init__(torch.randn(n_items + 1, n_items + 1, generator=torch.Generator().manual_seed(1)))
        self.max_length = 3
        self.asked: list[tuple[int, ...]] = []

    def _score(self, item_ids: Tensor) -> Tensor:
        self.asked += [tuple(row) for row in item_ids.tolist()]
        return super()._score(item_ids)


def test_what_is_left_of_a_history_is_scored_once_for_all_decisions_on_it() -> None:
    recommender, history = Recording(9), [1, 2, 3]
    decisions = [Decision(history, item) for item in (4, 7, 8)]
    alone = ~np.eye(3, dtype=bool)
    rows, kept = np.repeat(np.arange(3), 3), np.tile(alone, (3, 1))
    together = Perturbation(recommender, decisions).outcomes(rows, kept, "shift")
    assert sorted(recommender.asked) == [(1, 2), (1, 3), (2, 3)]
    for row, decision in enumerate(decisions):
        own = Perturbation(recommender, [decision]).outcomes(np.zeros(3, dtype=int), alone, "shift")
        assert together.log_p[rows == row].tolist() == own.log_p.tolist()
        assert together.rank[rows == row].tolist() == own.rank.tolist()


@pytest.mark.parametrize(
    ("variant", "read"), [("shift", {(2, 4, 5), (3, 4, 5), (2, 3, 5)}), ("mask", {(0, 4, 5), (3, 4, 5), (3, 0, 5)})]
)
def test_what_is_too_old_for_the_recommender_is_not_asked_about(variant: Variant, read: set[tuple[int, ...]]) -> None:
    """It reads three of five items: the removal of either of the older two leaves it what it read."""
    recommender = Recording(9)
    perturbation = Perturbation(recommender, [Decision([1, 2, 3, 4, 5], 8)])
    log_p = perturbation.log_p(np.zeros(4, dtype=int), ~np.eye(5, dtype=bool)[:4], variant)
    assert sorted(recommender.asked) == sorted(read)
    assert log_p[0] == log_p[1] == perturbation.whole.log_p[0]


def test_an_item_that_the_history_repeats_or_is_asked_about_is_no_rival_of_its_own() -> None:
    """exp(score): item 5 is 4·4 after two of item 3, item 4 is 1; of 1 to 6 the items 1, 2 and 6 tie with item 4."""
    perturbation = Perturbation(additive(), [Decision([3, 3], 4), Decision([3, 4, 3], 4)])
    kept = np.array([[False, True, True], [True, True, True]])
    found = perturbation.outcomes(np.array([0, 1]), kept, "mask")
    assert np.exp(found.log_p) == pytest.approx([1 / 21, 1 / 21])
    assert found.rank.tolist() == [5, 5]


def test_no_cases() -> None:
    found = Perturbation(additive(), []).outcomes(np.zeros(0, dtype=int), np.zeros((0, 0), dtype=bool), "mask")
    assert found.log_p.shape == found.rank.shape == (0,)
