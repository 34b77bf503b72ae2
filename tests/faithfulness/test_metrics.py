import numpy as np
import pytest

from recexplainer.faithfulness import metrics


def test_differences_of_probabilities() -> None:
    before, after = np.log([0.5, 0.5]), np.log([0.2, 0.6])
    assert metrics.comprehensiveness(before, after) == pytest.approx([0.3, -0.1])
    assert metrics.sufficiency(before, after) == pytest.approx([0.3, -0.1])
    assert metrics.log_comprehensiveness(before, after) == pytest.approx([np.log(2.5), np.log(5 / 6)])


@pytest.mark.parametrize(
    ("n_history", "n_cited", "sizes"),
    [
        (20, 3, [1, 1, 2, 3, 3]),
        (100, 100, [1, 5, 10, 20, 50]),
        (2, 1, [1, 1, 1, 1, 1]),
        (10, 10, [1, 1, 1, 2, 5]),
    ],
)
def test_aopc_sizes(n_history: int, n_cited: int, sizes: list[int]) -> None:
    assert metrics.aopc_sizes(n_history, n_cited) == sizes


def test_necessity_and_sufficiency_look_at_items_of_the_top_k_only() -> None:
    rank, after = np.array([1, 3, 4]), np.array([4, 3, 9])
    assert metrics.necessity(rank, after, 3)[:2].tolist() == [1, 0]
    assert metrics.sufficient(rank, after, 3)[:2].tolist() == [0, 1]
    assert np.isnan(metrics.necessity(rank, after, 3)[2]) and np.isnan(metrics.sufficient(rank, after, 3)[2])


@pytest.mark.parametrize(
    ("n_items", "sizes"), [(10, list(range(11))), (5, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]), (1, [0] * 5 + [1] * 6)]
)
def test_steps_go_from_nothing_to_all(n_items: int, sizes: list[int]) -> None:
    assert metrics.step_sizes(n_items) == sizes


def test_share_of_steps_in_the_top_k_by_hand() -> None:
    by_step = np.array([[1, 1, 2, 4], [3, 9, 1, 1], [4, 1, 1, 1]])
    found = metrics.stays(by_step[:, 0], by_step, 3)
    assert found[:2] == pytest.approx([3 / 4, 3 / 4])
    assert np.isnan(found[2])  # it was not in the top 3 to begin with


def test_counterfactual_is_the_first_size_that_displaces_the_item() -> None:
    sizes = np.array([[1, 2, 3], [1, 2, 3], [1, 2, 2], [1, 2, 3]])
    by_size = np.array([[1, 2, 1], [4, 4, 4], [1, 1, 1], [1, 1, 1]])
    found = metrics.counterfactual_size(np.array([1, 2, 1, 5]), by_size, sizes, 1)
    assert found[0] == 2 and np.isnan(found[1:]).all()  # rank 2 and 5 are not in the top 1, the third never leaves
    assert metrics.counterfactual_size(np.array([2]), by_size[1:2], sizes[1:2], 3).tolist() == [1]


def test_rates() -> None:
    assert metrics.hallucination_rate([], []) is None
    assert metrics.hallucination_rate([0, 0], [0, 0]) is None
    assert metrics.hallucination_rate([2, 0], [2, 2]) == 0.5
    assert metrics.verdict_agreement([], []) is None
    assert metrics.verdict_agreement([None, "No"], ["No", "No"]) == 0.5
