import numpy as np
import pytest
import torch

from recexplainer.core.records.explanation import Label
from recexplainer.evidence.perturbation import VARIANTS, Decision
from recexplainer.faithfulness import comparison
from recexplainer.faithfulness.comparison import (
    CITED,
    GREEDY,
    LEAVE_ONE_OUT,
    NEWEST,
    RANDOM,
    compare,
)
from tests.evidence.planted import N_ITEMS, Planted
from tests.evidence.test_perturbation import additive
from tests.faithfulness.fakes import AdditiveRecommender


def test_every_measure_by_hand() -> None:
    """The additive case of `test_perturbation`: item 2 is cited; it is the most influential one too."""
    found = compare(additive(), [Decision([1, 2, 3], 4)], [[1]], ["case"], n_random=300, seed=0, top_ks=[1, 2])
    assert np.exp(found.log_p) == pytest.approx([6 / 14])
    assert found.rank.tolist() == [1]
    for variant in VARIANTS:
        assert np.exp(found.log_p_without[variant]) == pytest.approx([2 / 10])
        assert found.rank_without[variant].tolist() == [2]
        value = {name: by_variant[variant][0] for name, by_variant in found.values.items()}
        assert value["comprehensiveness"][CITED] == pytest.approx(6 / 14 - 2 / 10)
        assert value["sufficiency"][CITED] == pytest.approx(6 / 14 - 3 / 8)
        assert value["comprehensiveness_aopc"][CITED] == pytest.approx(6 / 14 - 2 / 10)
        assert value["log_comprehensiveness"][CITED] == pytest.approx(np.log(30 / 14))
        assert [value[name][CITED] for name in ("pn@1", "pn@2", "ps@1", "ps@2")] == [1, 0, 1, 1]
        assert value["comprehensiveness"][LEAVE_ONE_OUT] == value["comprehensiveness"][CITED]
        assert value["comprehensiveness"][NEWEST] == pytest.approx(6 / 14 - 6 / 11)
        draws = value["comprehensiveness"][RANDOM]
        losses = [6 / 14 - 3 / 11, 6 / 14 - 2 / 10, 6 / 14 - 6 / 11]
        assert {round(float(draw), 5) for draw in draws} == {round(loss, 5) for loss in losses}
        assert draws.mean() == pytest.approx(np.mean(losses), abs=0.03)


def test_the_greedy_control_asks_again_after_each_removal() -> None:
    """Items 1 and 2 speak for the target together alone, item 3 by itself: the second of the pair adds nothing."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        first, second, third = ((item_ids == item).any(dim=1).float() for item in (1, 2, 3))
        scores = torch.zeros(len(item_ids), N_ITEMS + 1)
        scores[:, 40] = 2 * first * second + 1.5 * third
        return scores

    found = compare(Planted(score), [Decision([3, 2, 1, 4], 40)], [[0, 3]], ["a"], n_random=3, seed=0, top_ks=[1])
    for values in found.values["log_comprehensiveness"].values():
        assert values[0, GREEDY] > values[0, LEAVE_ONE_OUT] + 0.5


def test_curves_and_what_follows_from_them_by_hand() -> None:
    """Of four items only the first two speak for item 6, by factors of 2 and 4, among eight items.

    The first two are cited, the stronger one first; a draw orders items 3 and 4 behind them, which changes nothing.
    So p is 8/15 with both, 2/9 without the stronger, 4/11 without the weaker, 1/8 without both.
    """
    weight = torch.zeros(9, 9)
    weight[1, 6], weight[2, 6] = np.log(2), np.log(4)
    found = compare(
        AdditiveRecommender(weight), [Decision([1, 2, 3, 4], 6)], [[1, 0]], ["a"], n_random=5, seed=0, top_ks=[1, 3]
    )
    by_size = [8 / 15, 2 / 9, 1 / 8, 1 / 8, 1 / 8]  # without 0, 1, 2, 3, 4 of the cited order
    with_only = [1 / 8, 4 / 11, 8 / 15, 8 / 15, 8 / 15]
    sizes = [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]
    for variant in VARIANTS:
        curves = {name: curve[0, CITED] for name, curve in found.curves[variant].items()}
        assert curves["deletion"] == pytest.approx([by_size[size] for size in sizes])
        assert curves["insertion"] == pytest.approx([with_only[size] for size in sizes])
        value = {name: by_variant[variant][0] for name, by_variant in found.values.items()}
        assert value["del"][CITED] == pytest.approx(np.mean([by_size[size] for size in sizes]))
        assert value["ins"][CITED] == pytest.approx(np.mean([with_only[size] for size in sizes]))
        # without both, the unseen items 5, 7 and 8 tie with item 6, and ties count against it: rank 4
        assert value["pos@1"][CITED] == pytest.approx(4 / 11)  # sizes 0 and 1
        assert value["neg@1"][CITED] == pytest.approx(9 / 11)  # all sizes but 4: without the last 3, item 2 is left
        assert value["pos@3"][CITED] == value["pos@1"][CITED]
        assert value["counterfactual_size@1"][CITED] == value["counterfactual_size@1"][LEAVE_ONE_OUT] == 2
        assert value["counterfactual_found@1"].tolist() == [1] * 9
        assert value["counterfactual_size@1"][NEWEST] == 4  # items 4 and 3 first, then 2, then 1
        assert value["del"][LEAVE_ONE_OUT] == pytest.approx(value["del"][CITED])
        assert (value["del"][RANDOM] >= value["del"][CITED] - 1e-9).all()


@pytest.mark.parametrize(
    ("label", "without"),
    [("Yes", 1 / 15), ("No", 2 / 9)],  # item 1, which speaks for item 6; item 2, which speaks against it
)
def test_the_control_speaks_for_the_item_of_a_yes_and_against_that_of_a_no(label: Label, without: float) -> None:
    """exp(score) of item 6 is 2 · ½ · 1 after items 1, 2, 3: p is 1/8; without one of them 1/15, 2/9, 1/8."""
    weight = torch.zeros(9, 9)
    weight[1, 6], weight[2, 6] = np.log(2), -np.log(2)
    case = Decision([1, 2, 3], 6, label=label)
    found = compare(AdditiveRecommender(weight), [case], [[2]], ["a"], n_random=1, seed=0, top_ks=[])
    for variant in VARIANTS:
        for control in (LEAVE_ONE_OUT, GREEDY):
            assert found.values["comprehensiveness"][variant][0, control] == pytest.approx(1 / 8 - without)


def test_an_item_outside_of_the_top_k_has_no_measure_at_k() -> None:
    found = compare(additive(), [Decision([1, 2, 3], 6)], [[1]], ["case"], n_random=2, seed=0, top_ks=[1])
    assert found.rank.tolist() == [3]
    for measure in ("pn", "ps", "pos", "neg", "counterfactual_found", "counterfactual_size"):
        assert np.isnan(found.values[f"{measure}@1"]["mask"]).all(), measure


def test_what_cannot_be_cited_stays_when_items_are_deleted_and_goes_when_they_stand_alone() -> None:
    """Item 1 is not shown: it never counts as one of the explanation's, and speaks for item 6 as long as it stays."""
    weight = torch.zeros(9, 9)
    weight[1, 6], weight[3, 6] = np.log(2), np.log(4)
    case = Decision([1, 2, 3], 6, n_shown=2)
    found = compare(AdditiveRecommender(weight), [case], [[2]], ["a"], n_random=1, seed=0, top_ks=[])
    curves = {name: curve[0, CITED] for name, curve in found.curves["mask"].items()}
    assert curves["deletion"][[0, -1]] == pytest.approx([8 / 15, 2 / 9])
    assert curves["insertion"][[0, -1]] == pytest.approx([1 / 8, 4 / 11])


def test_an_item_goes_from_all_its_positions_shown_or_not() -> None:
    """Item 1 stands before what is shown, too; either place of it speaks for item 6, by a factor of 2."""
    weight = torch.zeros(9, 9)
    weight[1, 6] = np.log(2)
    case = Decision([1, 2, 1, 3], 6, n_shown=2)
    found = compare(AdditiveRecommender(weight), [case], [[2]], ["a"], n_random=1, seed=0, top_ks=[1])
    for variant in VARIANTS:
        curves = {name: curve[0, CITED] for name, curve in found.curves[variant].items()}
        assert curves["deletion"][[0, -1]] == pytest.approx([4 / 11, 1 / 8])
        assert curves["insertion"][[0, -1]] == pytest.approx([1 / 8, 4 / 11])
        assert found.values["comprehensiveness"][variant][0, CITED] == pytest.approx(4 / 11 - 1 / 8)
        assert found.values["neg@1"][variant][0, CITED] == pytest.approx(8 / 11)  # of two items item 1 goes last


def test_blocks_of_cases_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = AdditiveRecommender(torch.randn(21, 21, generator=torch.Generator().manual_seed(0)))
    cases = [Decision(list(range(first, first + length)), 20) for first, length in ((1, 6), (3, 4), (2, 9))]

    def ask() -> np.ndarray:
        found = compare(recommender, cases, [[1], [0], [3, 2]], ["a", "b", "c"], n_random=3, seed=0, top_ks=[1])
        return found.values["del"]["shift"]

    together = ask()
    monkeypatch.setattr(comparison, "_MASKS_AT_ONCE", 1)
    assert ask() == pytest.approx(together, rel=1e-6)


def test_aopc_takes_the_first_cited_first() -> None:
    """Ten items in the history: the shares 1, 5 and 10 % take one item, 20 % two, and 50 % all there are."""
    weight = torch.zeros(13, 13)
    weight[1, 12], weight[2, 12] = np.log(2), np.log(3)
    found = compare(
        AdditiveRecommender(weight), [Decision(list(range(1, 11)), 12)] * 2, [[0, 1], [1, 0]], ["a", "b"],
        n_random=1, seed=0, top_ks=[],
    )  # fmt: skip
    one_first, two_first = 6 / 17 - 3 / 14, 6 / 17 - 2 / 13
    both = 6 / 17 - 1 / 12
    aopc = found.values["comprehensiveness_aopc"]["mask"][:, CITED]
    assert aopc == pytest.approx([(3 * one_first + 2 * both) / 5, (3 * two_first + 2 * both) / 5])
    assert found.values["comprehensiveness"]["mask"][:, CITED] == pytest.approx([both, both])


def test_draws_depend_on_the_case_and_the_seed_alone() -> None:
    recommender = AdditiveRecommender(torch.randn(21, 21, generator=torch.Generator().manual_seed(0)))
    cases = [Decision(list(range(1, 9)), 15), Decision(list(range(5, 12)), 16)]

    def draws(chosen: list[int], seed: int) -> np.ndarray:
        found = compare(
            recommender, [cases[n] for n in chosen], [[0, 3] for _ in chosen], [f"case-{n}" for n in chosen],
            n_random=4, seed=seed, top_ks=[],
        )  # fmt: skip
        return found.values["sufficiency"]["shift"][:, RANDOM]

    assert draws([0, 1], 5)[1] == pytest.approx(draws([1], 5)[0])
    assert draws([1], 5) != pytest.approx(draws([1], 6))


def test_a_case_that_cites_nothing_or_everything_has_no_control() -> None:
    case = Decision([1, 2, 3], 4)
    found = compare(additive(), [case] * 3, [[], [1], [0, 1, 2]], ["a", "b", "c"], n_random=1, seed=0, top_ks=[])
    alone = compare(additive(), [case], [[1]], ["b"], n_random=1, seed=0, top_ks=[])
    assert found.rows == [1] and alone.rows == [0]
    for name, by_variant in alone.values.items():
        assert found.values[name]["mask"] == pytest.approx(by_variant["mask"], nan_ok=True), name


def test_no_cases() -> None:
    found = compare(additive(), [], [], [], n_random=3, seed=0, top_ks=[1])
    assert found.values["pn@1"]["mask"].shape == (0, 7)
