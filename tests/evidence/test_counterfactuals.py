from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from recexplainer.core.records.explanation import Label
from recexplainer.evidence import counterfactuals
from recexplainer.evidence.counterfactuals import Bounds, Counterfactual, find_removals, find_replacements
from recexplainer.evidence.perturbation import VARIANTS, Decision, Variant
from recexplainer.evidence.verification import history_after, verify
from recexplainer.recommenders.base import Recommender
from tests.evidence.planted import (
    Planted,
    decisions_of,
    fixed_pair,
    only_genre,
    only_newest,
    only_popularity,
    shown_of,
)
from tests.faithfulness.fakes import AdditiveRecommender

BOUNDS = Bounds(top_k=2, like_top=0.2, dislike_bottom=0.5)


def tiny(n: int, seed: int = 5) -> tuple[AdditiveRecommender, list[Decision]]:
    """Decisions of a recommender over 15 items on its best and its worst items; some histories hold repeats."""
    rng = np.random.default_rng(seed)
    recommender = AdditiveRecommender(torch.randn(16, 16, generator=torch.Generator().manual_seed(seed)))
    decisions: list[Decision] = []
    for number in range(n):
        history = rng.integers(1, 13, size=rng.integers(2, 8)).tolist()
        scores = recommender.scores([history], exclude_seen=True)[0].numpy()
        order = [item for item in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[item])]
        label: Label = "No" if number % 2 else "Yes"
        item = order[number % 4 // 2] if label == "Yes" else order[-1]
        decisions.append(Decision(history, item, int(rng.integers(1, len(history) + 1)), label))
    return recommender, decisions


def rank_without(recommender: Recommender, decision: Decision, gone: set[int], variant: Variant) -> int:
    """The rank among the items outside of the whole history, asked on its own."""
    left = [0 if item in gone else item for item in decision.history]
    if variant == "shift":
        left = [item for item in left if item]
    scores = recommender.scores([left])[0]
    rivals = set(range(1, recommender.n_items + 1)) - set(decision.history) - {decision.item_id}
    return 1 + sum(bool(scores[item] >= scores[decision.item_id]) for item in rivals)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_removed_set_is_the_smallest_of_all_sets(variant: Variant) -> None:
    """Brute force over every set of shown items, for both decisions."""
    recommender, decisions = tiny(80)
    found = find_removals(recommender, decisions, variant, BOUNDS)
    kinds = set()
    for own, decision in zip(found, decisions, strict=True):
        limit = own.limit

        def changed(gone: set[int], decision: Decision = decision, limit: int = limit) -> bool:
            return (rank_without(recommender, decision, gone, variant) > limit) == (decision.label == "Yes")

        items = shown_of(decision)
        sizes = [n for n in range(1, len(items) + 1) if any(changed(set(gone)) for gone in combinations(items, n))]
        kinds.add((own.kind, own.label, len(own.removed)))
        assert own.rank_before == rank_without(recommender, decision, set(), variant)
        assert own.rank_after == rank_without(recommender, decision, set(own.removed), variant)
        assert own.n_ranked == 15 - len(set(decision.history) - {decision.item_id})
        assert own.smallest
        if own.kind == "removal":
            assert len(own.removed) == sizes[0]
            same = [rank_without(recommender, decision, set(gone), variant) for gone in combinations(items, sizes[0])]
            assert own.rank_after == (max(same) if decision.label == "Yes" else min(same))  # the clearest of them
        else:
            assert sizes == []
    assert {(kind, label) for kind, label, _ in kinds} == {(k, y) for k in ("removal", "none") for y in ("Yes", "No")}
    assert max(n for kind, _, n in kinds if kind == "removal") > 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_where_sets_are_too_many_the_greedy_one_is_taken(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    recommender, decisions = tiny(80)
    exact = find_removals(recommender, decisions, variant, BOUNDS)
    monkeypatch.setattr(counterfactuals, "MAX_SETS", 1)
    greedy = find_removals(recommender, decisions, variant, BOUNDS)
    assert verify(recommender, decisions, greedy)[[own.kind == "removal" for own in greedy]].all()
    sizes = [
        (len(first.removed), len(second.removed))
        for first, second in zip(exact, greedy, strict=True)
        if first.kind == second.kind == "removal"
    ]
    assert len(sizes) > 30
    assert all(first <= second for first, second in sizes)
    assert np.mean([first == second for first, second in sizes]) > 0.8
    assert not all(own.smallest for own in greedy)


def test_a_replacement_brings_the_item_up_and_leaves_what_is_first_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Item 5 speaks for item 9, item 1 for item 8. What follows item 9 but was not taken is item 5."""
    weight = torch.zeros(11, 11)
    weight[1, 8], weight[5, 9], weight[9, 5] = 1.0, 2.0, 1.0
    weight[9, 1:4], weight[9, 9] = 2.0, 3.0
    recommender = AdditiveRecommender(weight)
    monkeypatch.setattr(counterfactuals, "N_REPLACEMENTS", 1)
    decisions = [Decision([2, 1, 3], 9, label="No"), Decision([2, 1, 3], 8)]
    found, first = find_replacements(recommender, decisions, BOUNDS)
    assert first is None
    assert found is not None
    assert (found.removed, found.replacement, found.variant) == ([3], 5, None)  # of equal exchanges the newest item's
    assert (found.rank_before, found.rank_after, found.n_ranked) == (7, 1, 7)
    assert history_after(decisions[0], found) == [2, 1, 5]
    assert verify(recommender, decisions[:1], [found]).all()


CAUSES = {
    "newest": (only_newest(), ()),
    "genre": (only_genre(), ()),
    "popularity": (only_popularity(), ()),
    "pair": (fixed_pair((7, 23), together=True), (7, 23)),
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", CAUSES)
def test_counterfactuals_of_planted_recommenders_name_the_cause_and_hold(name: str, variant: Variant) -> None:
    cause, always = CAUSES[name]
    decisions = decisions_of(cause.recommender, 100, always)
    removals = find_removals(cause.recommender, decisions, variant, Bounds(5, 0.2, 0.5))
    assert verify(cause.recommender, decisions, removals).all()
    named = [
        set(own.removed) <= cause.reason(decision)
        for own, decision in zip(removals, decisions, strict=True)
        if own.label == "Yes"  # without the newest item, a No of `newest` is level with most items, which is a No too
    ]
    assert np.mean(named) >= 0.95
    n_removals = sum(own.kind == "removal" for own in removals)
    assert n_removals == 0 if name == "popularity" else n_removals > 40
    pairs = zip(decisions, find_replacements(cause.recommender, decisions, BOUNDS), strict=True)
    known = [(decision, own) for decision, own in pairs if own is not None]
    assert verify(cause.recommender, [decision for decision, _ in known], [own for _, own in known]).all()


WRONG: dict[str, dict[str, Any]] = {
    "rank before": {"rank_before": 3},
    "rank after": {"rank_after": 5},
    "number of items": {"n_ranked": 8},
    "removed": {"removed": [2]},
    "no change": {"kind": "none"},
    "limit": {"limit": 7},
    "decision": {"label": "No"},
    "item": {"item_id": 8},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_number_that_does_not_hold_is_seen(name: str) -> None:
    """Item 1 alone speaks for item 9, before nine others that are level: of 7 ranked it falls from 1 to 7."""
    weight = torch.zeros(11, 11)
    weight[1, 9] = 1.0
    recommender, decision = AdditiveRecommender(weight), Decision([1, 2, 3], 9)
    true = Counterfactual("removal", "Yes", 9, [1], None, "shift", 2, 1, 7, 7, True)
    assert find_removals(recommender, [decision], "shift", BOUNDS) == [true]
    assert verify(recommender, [decision], [true]).tolist() == [True]
    assert verify(recommender, [decision], [replace(true, **WRONG[name])]).tolist() == [False]


def test_that_nothing_changes_a_decision_is_held_against_what_was_asked() -> None:
    weight = torch.zeros(11, 11)
    weight[1, 9], weight[2, 9] = 1.0, 0.5
    recommender, decision = AdditiveRecommender(weight), Decision([1, 2, 3], 9)
    said = Counterfactual("none", "Yes", 9, [], None, "mask", 2, 1, 1, 7, smallest=False)
    assert verify(recommender, [decision], [said]).tolist() == [True]
    assert verify(recommender, [decision], [replace(said, smallest=True)]).tolist() == [False]  # both carry it together
    weight[2, 9] = 0.0  # now item 1 alone carries it
    assert verify(AdditiveRecommender(weight), [decision], [said]).tolist() == [False]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_item_goes_from_all_its_positions(variant: Variant) -> None:
    def score(item_ids: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(item_ids), 60)
        scores[:, 6] = 3.0 * (item_ids == 1).any(dim=1)
        return scores

    decision = Decision([1, 2, 1, 3], 6, n_shown=2)
    (found,) = find_removals(Planted(score), [decision], variant, BOUNDS)
    assert (found.kind, found.removed) == ("removal", [1])
    assert history_after(decision, found) == ([2, 3] if variant == "shift" else [0, 2, 0, 3])


def test_the_decision_lies_on_its_own_side_of_the_limit_whatever_ties_do() -> None:
    assert BOUNDS.limit("Yes", 40, 100) == 40
    assert BOUNDS.limit("No", 30, 100) == 29


def test_no_decisions_and_nothing_shown() -> None:
    recommender = only_newest().recommender
    assert find_removals(recommender, [], "shift", BOUNDS) == find_replacements(recommender, [], BOUNDS) == []
    (found,) = find_removals(recommender, [Decision([], 5)], "mask", BOUNDS)
    assert (found.kind, found.removed, found.rank_after) == ("none", [], found.rank_before)
    assert verify(recommender, [Decision([], 5)], [found]).all()
