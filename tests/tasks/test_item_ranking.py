from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from recexplainer.data.examples import Example
from recexplainer.tasks.item_ranking import NAME, make_examples, score
from tests.tasks import teacher

ASKED = [Example(NAME, "test", [1, 2, 3, 4, 5])]
ALL = [list(order) for order in permutations([1, 2, 3, 4, 5])]


def test_the_published_values_of_the_papers_gain() -> None:
    """Over all orders .6131 (what chance gets); reversed .408; the best item first and the rest at random .986."""
    assert score(ASKED * len(ALL), ALL)["paper_ndcg@5"] == 0.6131
    assert score(ASKED, [[5, 4, 3, 2, 1]])["paper_ndcg@5"] == pytest.approx(0.408, abs=5e-4)
    best_first = [order for order in ALL if order[0] == 1]
    assert score(ASKED * len(best_first), best_first)["paper_ndcg@5"] == pytest.approx(0.986, abs=1e-3)


def test_tau_and_linear_gains_by_hand() -> None:
    assert score(ASKED, [[5, 4, 3, 2, 1]])["kendall_tau"] == -1.0
    assert score(ASKED, [[2, 1, 3, 4, 5]])["kendall_tau"] == 0.8  # one of ten pairs is discordant
    log = np.log2(np.arange(2, 7))
    ideal = ([4, 3, 2, 1, 0] / log).sum()
    assert score(ASKED, [[2, 1, 3, 4, 5]])["ndcg@5"] == round(([3, 4, 2, 1, 0] / log).sum() / ideal, 4)
    assert score(ASKED * len(ALL), ALL)["kendall_tau"] == 0.0


@pytest.mark.parametrize("answer", [[1, 2, 3, 4], [1, 2, 3, 4, 4], [1, 2, 3, 4, 9], [1, 1, 2, 3, 4, 5], []])
def test_what_is_no_permutation_is_invalid_and_repeats_earn_nothing(answer: list[int]) -> None:
    result = score(ASKED, [answer])
    assert result["invalid_rate"] == 1.0 and result["kendall_tau"] == 0.0 and result["ndcg@5"] <= 1
    assert score(ASKED, [[1, 1, 1, 1, 1]]) == score(ASKED, [[1]])


def test_fewer_candidates_keep_the_best_at_the_top() -> None:
    asked = [Example(NAME, "test", [4, 2, 9])]
    assert score(asked, [[4, 2, 9]])["paper_ndcg@5"] == 1.0
    assert score(asked, [[9, 2, 4]])["paper_ndcg@5"] == round(
        (100 / np.log2(3) + 1000 / 2) / (1000 + 100 / np.log2(3)), 4
    )


def test_the_candidates_are_unseen_and_the_answer_is_in_the_teachers_order() -> None:
    scores = [[8, 7, 6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8]]
    seen: set[int] = set()
    for seed in range(30):
        first, second = make_examples(
            teacher.of(teacher.batch(scores, [[1, 2], [7]]), seed=seed, n_candidates=4, rankings_per_history=1)
        )
        assert first.answer == sorted(first.items) and second.answer == sorted(second.items, reverse=True)
        assert len(set(first.items)) == 4 and not {1, 2} & set(first.items) and 7 not in second.items
        seen |= set(first.items)
    assert seen == {3, 4, 5, 6, 7, 8}  # drawn from the whole ranking
