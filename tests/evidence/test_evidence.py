from itertools import combinations
from typing import get_args

import numpy as np
import pytest
import torch

from recexplainer.core.records.explanation import Label
from recexplainer.evidence import evidence
from recexplainer.evidence.evidence import Evidence, Method, find_evidence
from recexplainer.evidence.perturbation import VARIANTS, Decision, Variant
from recexplainer.recommenders.baselines import ItemKNN, Popularity
from recexplainer.recommenders.external.matrices import ExternalMatrices
from recexplainer.recommenders.external.recommender import ExternalRecommender
from recexplainer.recommenders.gru4rec import GRU4Rec
from recexplainer.recommenders.mf import MF
from recexplainer.recommenders.sasrec import SASRec
from tests.evidence.planted import (
    Cause,
    Planted,
    decisions_of,
    fixed_pair,
    only_genre,
    only_newest,
    only_popularity,
    shown_of,
)
from tests.evidence.test_removal import lost, random_decisions
from tests.faithfulness.fakes import AdditiveRecommender

PAIR = (7, 23)
PLANTED = {
    "newest": (only_newest(), ()),
    "genre": (only_genre(), ()),
    "popularity": (only_popularity(), ()),
    "pair together": (fixed_pair(PAIR, together=True), PAIR),
    "pair, one is enough": (fixed_pair(PAIR, together=False), PAIR),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_reason_is_found_and_nothing_else(name: str, variant: Variant) -> None:
    cause, always = PLANTED[name]
    decisions = decisions_of(cause.recommender, 200, always)
    found = find_evidence(cause.recommender, decisions, variant, max_items=8)
    exact = [set(own.items) == cause.reason(decision) for own, decision in zip(found, decisions, strict=True)]
    for label in ("Yes", "No"):
        hits = [hit for hit, decision in zip(exact, decisions, strict=True) if decision.label == label]
        assert np.mean(hits) >= 0.95
    assert any(cause.reason(decision) for decision in decisions) or name == "popularity"
    assert all(len(set(own.items)) == len(own.items) == len(own.strengths) for own in found)
    assert all(min(own.strengths, default=1) >= evidence.THRESHOLD for own in found)


class Counted(Planted):
    """Its scores are counts of some unit, not logits."""

    kind = "counted-for-tests"
    gives_logits = False


@pytest.mark.parametrize("factor", [0.001, 1000.0])
@pytest.mark.parametrize("name", PLANTED)
def test_the_unit_of_scores_that_are_not_logits_does_not_matter(name: str, factor: float) -> None:
    cause, always = PLANTED[name]
    decisions = decisions_of(cause.recommender, 40, always)
    plain, scaled = (
        find_evidence(Counted(lambda item_ids, by=by: cause.recommender._score(item_ids) * by), decisions, "shift")
        for by in (1.0, factor)
    )
    assert [own.items for own in scaled] == [own.items for own in plain]
    pairs = zip(scaled, plain, strict=True)
    assert all(own.strengths == pytest.approx(other.strengths, rel=1e-3) for own, other in pairs)
    reasons = [set(own.items) <= cause.reason(decision) for own, decision in zip(plain, decisions, strict=True)]
    assert np.mean(reasons) >= 0.95 and any(own.items for own in plain) == (name != "popularity")


def test_logits_are_the_scores_that_a_softmax_was_trained_on() -> None:
    assert SASRec.gives_logits and GRU4Rec.gives_logits
    others = (MF, ExternalMatrices, ExternalRecommender, ItemKNN, Popularity)
    assert not any(kind.gives_logits for kind in others)


def test_no_spread_is_no_unit() -> None:
    constant = Counted(lambda item_ids: torch.zeros(len(item_ids), 60))
    (found,) = find_evidence(constant, [Decision([1, 2], 3)], "shift")
    assert found.items == [] and found.carrier == "nothing"


def test_the_most_items_and_the_threshold_bound_what_is_found() -> None:
    cause = only_genre()
    decisions = decisions_of(cause.recommender, 100)
    for own, decision in zip(find_evidence(cause.recommender, decisions, "shift", max_items=2), decisions, strict=True):
        assert len(own.items) <= 2
        assert set(own.items) <= cause.reason(decision)
    weak = find_evidence(cause.recommender, decisions, "shift", threshold=50.0)
    assert [(own.items, own.carrier) for own in weak] == [([], "nothing")] * 100


def test_of_items_that_stand_for_each_other_a_set_is_named_however_many_they_are() -> None:
    """Any of three items is enough for item 9: none counts alone, nor do two."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(item_ids), 60)
        scores[:, 9] = 3.0 * torch.isin(item_ids, torch.tensor([2, 4, 6])).any(dim=1)
        return scores

    decision = Decision([2, 3, 4, 5, 6, 7], 9)
    greedy, alone = (
        find_evidence(Planted(score), [decision], "shift", method=method)[0] for method in get_args(Method)
    )
    assert (greedy.items, greedy.joint, greedy.strongest, greedy.carrier) == ([6, 4, 2], True, None, "shown")
    total = np.log(np.exp(3) / (58 + np.exp(3))) - np.log(1 / 59)
    assert greedy.strengths == pytest.approx([total / 3] * 3, abs=1e-5)
    assert (alone.items, alone.joint) == ([], False)
    assert find_evidence(Planted(score), [decision], "shift", threshold=total / 2)[0].items == []  # small shares


def test_a_set_of_more_items_than_asked_for_is_no_evidence_as_a_part_of_it_carries_nothing() -> None:
    """Any of four items is enough for item 9; item 8, older than what is shown, carries nothing."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(item_ids), 60)
        scores[:, 9] = 3.0 * torch.isin(item_ids, torch.tensor([2, 4, 6, 7])).any(dim=1)
        return scores

    decision = Decision([8, 2, 3, 4, 5, 6, 7], 9, n_shown=6)
    (found,) = find_evidence(Planted(score), [decision], "shift")
    assert (found.items, found.strengths, found.joint, found.carrier) == ([], [], False, "nothing")
    (larger,) = find_evidence(Planted(score), [decision], "shift", max_items=4)
    assert (larger.items, larger.joint) == ([7, 6, 4, 2], True)
    assert lost(Planted(score), decision, set(larger.items)) == pytest.approx(sum(larger.strengths), abs=1e-5)


def test_the_strongest_item_is_one_that_carries_alone() -> None:
    assert Evidence([4, 2], [0.5, 0.5], "shift", older=1).strongest == 4
    assert Evidence([], [], "shift", older=1).strongest == 1
    assert Evidence([4, 2], [0.5, 0.5], "shift", older=1, joint=True).strongest is None
    assert Evidence([], [], "shift").strongest is None


@pytest.mark.parametrize("method", ["greedy", "leave_one_out"])
def test_of_equally_strong_items_the_newest_stand_first_and_no_more_than_asked(method: Method) -> None:
    weight = torch.zeros(9, 9)
    weight[1:5, 6] = 0.5
    decision = Decision([4, 2, 1, 3], 6)
    (found,) = find_evidence(AdditiveRecommender(weight), [decision], "mask", method=method, max_items=2)
    assert found.items == [3, 1]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("label", ["Yes", "No"])
def test_strengths_are_signed_by_the_decision(label: Label, variant: Variant) -> None:
    """Item 1 doubles exp(score) of item 6, item 2 halves it: p of item 6 is 1/8; without one of them 1/15, 2/9."""
    weight = torch.zeros(9, 9)
    weight[1, 6], weight[2, 6] = np.log(2), -np.log(2)
    decision = Decision([1, 2, 3], 6, label=label)
    (found,) = find_evidence(AdditiveRecommender(weight), [decision], variant)
    item, strength = (1, np.log(1 / 8) - np.log(1 / 15)) if label == "Yes" else (2, np.log(2 / 9) - np.log(1 / 8))
    assert found == Evidence([item], [round(strength, 6)], variant)


def test_an_item_that_stands_several_times_is_one_item() -> None:
    """Either place of item 1 is enough for item 6; one of them is not shown."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(item_ids), 60)
        scores[:, 6] = 3.0 * (item_ids == 1).any(dim=1)
        return scores

    for history, n_shown in (([1, 2, 1, 3], 4), ([1, 2, 1, 3], 2)):
        (found,) = find_evidence(Planted(score), [Decision(history, 6, n_shown)], "mask", method="leave_one_out")
        assert found.items == [1]
        assert found.older is None


def test_it_says_where_evidence_lies_that_is_not_shown() -> None:
    weight = torch.zeros(9, 9)
    weight[1, 6], weight[3, 7] = 1.0, 1.0
    decisions = [Decision([1, 2, 3], item, n_shown=2) for item in (6, 7, 8)]
    older, shown, nothing = find_evidence(AdditiveRecommender(weight), decisions, "shift")
    assert (older.items, older.older, older.carrier) == ([], 1, "older")
    assert older.older_strength == pytest.approx(np.log(np.e / (6 + 2 * np.e) * (7 + np.e)), abs=1e-5)
    assert (shown.items, shown.older, shown.carrier) == ([3], None, "shown")
    assert nothing.carrier == "nothing"


def test_an_item_that_the_recommender_rules_out_gives_finite_strengths() -> None:
    """Without item 1 item 6 cannot be recommended at all."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(item_ids), 60)
        scores[:, 6] = torch.where((item_ids == 1).any(dim=1), 1.0, -torch.inf)
        return scores

    (found,) = find_evidence(Planted(score), [Decision([1, 2, 3], 6)], "shift")
    assert found.items == [1]
    assert np.isfinite(found.strengths).all()


@pytest.mark.parametrize("method", ["greedy", "leave_one_out"])
def test_evidence_is_the_best_that_one_finds_by_asking_about_every_set(method: Method) -> None:
    """Brute force: the first item is the strongest of all, and no set of as many shown items takes more."""
    recommender, decisions = random_decisions(60)
    found = find_evidence(recommender, decisions, "shift", method=method, max_items=3)
    n_best = 0
    for own, decision in zip(found, decisions, strict=True):
        items = shown_of(decision)
        alone = {item: lost(recommender, decision, {item}) for item in items}
        assert bool(own.items) == any(value >= evidence.THRESHOLD for value in alone.values())
        if own.items:
            assert own.strengths[0] == pytest.approx(max(alone.values()), abs=1e-5)
            sets = combinations(sorted(items), len(own.items))
            best = max(lost(recommender, decision, set(gone)) for gone in sets)
            taken = lost(recommender, decision, set(own.items))
            n_best += taken == pytest.approx(best, abs=1e-5)
    n_any = sum(bool(own.items) for own in found)
    assert n_best >= (0.9 if method == "greedy" else 0.8) * n_any > 20


def test_blocks_of_decisions_give_the_same_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender, decisions = random_decisions(20)
    together = find_evidence(recommender, decisions, "mask")
    monkeypatch.setattr(evidence, "_FLAGS_AT_ONCE", 1)
    assert [own.items for own in find_evidence(recommender, decisions, "mask")] == [own.items for own in together]


def test_no_decisions_and_no_history() -> None:
    cause: Cause = only_newest()
    assert find_evidence(cause.recommender, [], "shift") == []
    (found,) = find_evidence(cause.recommender, [Decision([], 5)], "shift")
    assert found == Evidence([], [], "shift")
