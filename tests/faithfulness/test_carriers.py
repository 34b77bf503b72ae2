import numpy as np
import pytest
import torch

from recexplainer.core.records.evidence import Label, Variant
from recexplainer.evidence.perturbation import VARIANTS, Decision
from recexplainer.faithfulness.carriers import find_carriers, is_misleading, lacks_true_reason
from tests.evidence.planted import decisions_of, fixed_pair, only_genre, only_newest, only_popularity
from tests.faithfulness.fakes import AdditiveRecommender

PAIR = (7, 23)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("label", ["Yes", "No"])
def test_what_an_item_carries_is_what_its_removal_takes(label: Label, variant: Variant) -> None:
    """Item 1 doubles exp(score) of item 4 of 4, item 2 halves it: p is 1/4, without them 1/7 and 2/5."""
    weight = torch.zeros(5, 5)
    weight[1, 4], weight[2, 4] = np.log(2), -np.log(2)
    decision = Decision([1, 2, 3], 4, label=label)
    (found,) = find_carriers(AdditiveRecommender(weight), [decision], variant)
    sign = 1 if label == "Yes" else -1
    expected = {1: sign * np.log(7 / 4), 2: sign * np.log(5 / 8), 3: 0.0}
    assert found.alone == pytest.approx(expected, abs=1e-6)
    carrying = 1 if label == "Yes" else 2
    assert found.items == [carrying] and found.strongest == {carrying}


def test_items_that_carry_as_much_are_all_the_strongest() -> None:
    weight = torch.zeros(5, 5)
    weight[1:3, 4] = 1.0
    (found,) = find_carriers(AdditiveRecommender(weight), [Decision([1, 2, 3], 4)], "shift")
    assert found.strongest == {1, 2}


@pytest.mark.parametrize("variant", VARIANTS)
def test_planted_reasons_are_true_ones_and_all_others_mislead(variant: Variant) -> None:
    for cause, always in ((only_newest(), ()), (only_genre(), ()), (fixed_pair(PAIR, together=True), PAIR)):
        decisions = decisions_of(cause.recommender, 60, always)
        found = find_carriers(cause.recommender, decisions, variant)
        reasons = [cause.reason(decision) for decision in decisions]
        assert np.mean([set(own.items) == reason for own, reason in zip(found, reasons, strict=True)]) >= 0.95
        for decision, own, reason in zip(decisions, found, reasons, strict=True):
            if set(own.items) != reason:
                continue
            others = [item for item in decision.history if item not in reason]
            assert not is_misleading(list(reason), own) and is_misleading([*reason, others[0]], own)
            assert lacks_true_reason(others, own) and lacks_true_reason(list(reason)[:1], own) == (not reason)
        assert any(reasons)


def test_where_nothing_shown_carries_the_decision_no_item_is_the_strongest() -> None:
    cause = only_popularity()
    found = find_carriers(cause.recommender, decisions_of(cause.recommender, 20), "mask")
    assert all(own.items == [] and own.strongest == frozenset() for own in found)
    assert is_misleading([5], found[0]) and not is_misleading([], found[0])


def test_more_items_than_an_explanation_names_may_carry_a_decision() -> None:
    weight = torch.zeros(20, 20)
    weight[1:9, 12] = 0.3
    (found,) = find_carriers(AdditiveRecommender(weight), [Decision(list(range(1, 10)), 12)], "shift")
    assert set(found.items) == set(range(1, 9))
