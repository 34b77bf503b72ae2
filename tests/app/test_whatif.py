from __future__ import annotations

import numpy as np

from recexplainer.app.whatif import (
    N_RANDOM,
    RANDOM,
    best,
    deletion_curves,
    draw,
    last,
    rank_items,
    scores_without,
    smallest_removal,
)
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.perturbation import Decision
from recexplainer.evidence.ranks import scores_and_ranks
from tests import tiny

HISTORY = [3, 5, 3, 8, 1]


def test_ranks_are_those_that_the_recommender_gives_without_the_items() -> None:
    recommender = tiny.sasrec()
    asked = [item for item in range(1, tiny.N_ITEMS + 1) if item not in HISTORY]
    found = rank_items(scores_without(recommender, HISTORY, [3]), asked)
    decisions = [Decision(HISTORY, item) for item in asked]
    expected = scores_and_ranks(recommender, [[5, 8, 1]] * len(asked), decisions)
    assert [row.rank for row in found] == [rank for _, rank in expected]
    assert np.allclose([row.score for row in found], [score for score, _ in expected], atol=1e-5)
    assert [row.rank for row in found] != [row.rank for row in rank_items(scores_without(recommender, HISTORY), asked)]


def test_the_best_and_the_last_leave_the_history_out_with_what_was_removed() -> None:
    scores = scores_without(tiny.mf(), HISTORY, [3])
    assert sorted([*best(scores, 4), *last(scores, 4)]) == [2, 4, 6, 7, 9, 10, 11, 12]
    assert best(scores, 99)[::-1] == last(scores, 99) and len(best(scores, 99)) == 8


def test_an_empty_rest_is_ranked_too() -> None:
    assert np.isfinite(scores_without(tiny.mf(), HISTORY, HISTORY)).sum() == 8


def test_curves_begin_with_the_decision_and_take_the_named_items_first() -> None:
    recommender, decision = tiny.sasrec(), Decision(HISTORY, 6)
    table = deletion_curves(recommender, decision, {"cited": [8, 3]}, np.random.default_rng(0))
    assert table.groupby("order")["removed"].apply(list).to_dict() == {
        "cited": [0, 1, 2, 3, 4],
        RANDOM: [0, 1, 2, 3, 4],
    }
    by_order = table.set_index(["order", "removed"])["rank"]
    [(_, whole), (_, one), (_, two)] = scores_and_ranks(recommender, [HISTORY, [3, 5, 3, 1], [5, 1]], [decision] * 3)
    assert by_order["cited"].tolist()[:3] == [whole, one, two] and by_order[RANDOM][0] == whole
    assert by_order["cited"][4] == by_order[RANDOM][4] and N_RANDOM > 1


def test_the_smallest_removal_displaces_the_item() -> None:
    recommender = tiny.mf()
    [top] = best(scores_without(recommender, HISTORY), 1)
    found = smallest_removal(recommender, Decision(HISTORY, top), Bounds(1, 0.2, 0.5))
    assert found.kind == "removal"
    assert rank_items(scores_without(recommender, HISTORY, found.removed), [top])[0].rank == found.rank_after > 1


def test_random_items_are_others() -> None:
    drawn = draw(HISTORY, 2, [3], np.random.default_rng(0))
    assert len(set(drawn)) == 2 and set(drawn) <= {5, 8, 1}
    assert sorted(draw(HISTORY, 9, [], np.random.default_rng(0))) == [1, 3, 5, 8]
