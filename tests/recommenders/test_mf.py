from __future__ import annotations

import pytest
import torch

from recexplainer.recommenders.mf import MF

from . import worlds


@pytest.fixture
def one_dimensional() -> MF:
    recommender = MF(n_items=3, dim=1, regularisation=1.0, confidence=4.0)
    recommender.items.copy_(torch.tensor([[0.0], [1.0], [2.0], [-1.0]]))
    return recommender.freeze()


def test_fold_in_worked_by_hand(one_dimensional):
    # Gram 1 + 4 + 1 = 6, regularisation 1; item 2: left 4 * 2 * 2 = 16 more, right (1 + 4) * 2 = 10
    torch.testing.assert_close(one_dimensional.user_vectors([[2]]), torch.tensor([[10 / 23]]))
    # items 1 and 2: left 7 + 4 * (1 + 4) = 27, right 5 * (1 + 2) = 15
    torch.testing.assert_close(one_dimensional.user_vectors([[1, 2]]), torch.tensor([[15 / 27]]))


def test_a_repeat_raises_the_confidence_and_not_the_preference(one_dimensional):
    # item 2 twice: left 7 + 2 * 16 = 39, right (1 + 2 * 4) * 2 = 18
    torch.testing.assert_close(one_dimensional.user_vectors([[2, 2]]), torch.tensor([[18 / 39]]))


def test_order_and_padding_inside_change_nothing():
    recommender = MF.fit(worlds.ring_walks(), seed=1, dim=8, iterations=2, regularisation=1.0, confidence=5.0)
    vectors = recommender.user_vectors([[0, 3, 4, 5], [5, 3, 0, 4], [4, 0, 5, 3]])
    assert torch.equal(vectors[0], vectors[1]) and torch.equal(vectors[0], vectors[2])


def test_each_iteration_lowers_the_objective():
    train = worlds.random_draws(n_users=40, n_items=12)
    regularisation, confidence = 0.5, 3.0
    taken = torch.zeros(40, 13, dtype=torch.float64)
    for user in range(40):
        taken[user, train.sequence(user + 1)] = 1
    values = []

    def objective(iteration: int, recommender: MF) -> None:
        users = recommender.user_vectors([train.sequence(user + 1) for user in range(40)]).double()
        items = recommender.item_vectors().double()
        errors = (1 + confidence * taken) * (taken - users @ items.T) ** 2
        norms = users.square().sum() + items.square().sum()
        values.append(float(errors[:, 1:].sum() + regularisation * norms))

    MF.fit(
        train, seed=1, dim=4, iterations=5, regularisation=regularisation, confidence=confidence,
        after_iteration=objective,
    )  # fmt: skip
    assert len(values) == 5
    assert all(later < earlier + 1e-4 for earlier, later in zip(values, values[1:], strict=False))
    assert values[-1] < values[0]


def test_blocks_of_any_size_solve_the_same(monkeypatch):
    def fit() -> torch.Tensor:
        return MF.fit(
            worlds.ring_walks(), seed=1, dim=8, iterations=2, regularisation=1.0, confidence=5.0
        ).item_vectors()

    whole = fit()
    monkeypatch.setattr("recexplainer.recommenders.mf.ENTRIES_AT_ONCE", 1)
    torch.testing.assert_close(fit(), whole)


def test_users_follow_items_that_change_in_place_or_are_replaced(one_dimensional):
    one_dimensional.user_vectors([[2]])
    one_dimensional.items.mul_(2)  # Gram 24, left 24 + 1 + 64 = 89, right 5 * 4 = 20
    torch.testing.assert_close(one_dimensional.user_vectors([[2]]), torch.tensor([[20 / 89]]))
    one_dimensional.items = one_dimensional.items / 2
    torch.testing.assert_close(one_dimensional.user_vectors([[2]]), torch.tensor([[10 / 23]]))


def test_items_made_in_inference_mode_are_solved_with_too():
    with torch.inference_mode():
        recommender = MF(n_items=3, dim=1, regularisation=1.0, confidence=4.0)
        recommender.items.copy_(torch.tensor([[0.0], [1.0], [2.0], [-1.0]]))
    torch.testing.assert_close(recommender.user_vectors([[2]]), torch.tensor([[10 / 23]]))
