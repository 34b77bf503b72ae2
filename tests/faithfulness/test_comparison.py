import numpy as np
import pytest
import torch

from recexplainer.faithfulness.comparison import CITED, LEAVE_ONE_OUT, NEWEST, RANDOM, compare
from recexplainer.faithfulness.perturbation import VARIANTS, Case
from tests.faithfulness.fakes import AdditiveRecommender
from tests.faithfulness.test_perturbation import additive


def test_every_measure_by_hand() -> None:
    """The additive case of `test_perturbation`: item 2 is cited; it is the most influential one too."""
    found = compare(additive(), [Case([1, 2, 3], 4)], [[1]], ["case"], n_random=300, seed=0, top_ks=[1, 2])
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


def test_aopc_takes_the_first_cited_first() -> None:
    """Ten items in the history: the shares 1, 5 and 10 % take one item, 20 % two, and 50 % all there are."""
    weight = torch.zeros(13, 13)
    weight[1, 12], weight[2, 12] = np.log(2), np.log(3)
    found = compare(
        AdditiveRecommender(weight), [Case(list(range(1, 11)), 12)] * 2, [[0, 1], [1, 0]], ["a", "b"],
        n_random=1, seed=0, top_ks=[],
    )  # fmt: skip
    one_first, two_first = 6 / 17 - 3 / 14, 6 / 17 - 2 / 13
    both = 6 / 17 - 1 / 12
    aopc = found.values["comprehensiveness_aopc"]["mask"][:, CITED]
    assert aopc == pytest.approx([(3 * one_first + 2 * both) / 5, (3 * two_first + 2 * both) / 5])
    assert found.values["comprehensiveness"]["mask"][:, CITED] == pytest.approx([both, both])


def test_draws_depend_on_the_case_and_the_seed_alone() -> None:
    recommender = AdditiveRecommender(torch.randn(21, 21, generator=torch.Generator().manual_seed(0)))
    cases = [Case(list(range(1, 9)), 15), Case(list(range(5, 12)), 16)]

    def draws(chosen: list[int], seed: int) -> np.ndarray:
        found = compare(
            recommender, [cases[n] for n in chosen], [[0, 3] for _ in chosen], [f"case-{n}" for n in chosen],
            n_random=4, seed=seed, top_ks=[],
        )  # fmt: skip
        return found.values["sufficiency"]["shift"][:, RANDOM]

    assert draws([0, 1], 5)[1] == pytest.approx(draws([1], 5)[0])
    assert draws([1], 5) != pytest.approx(draws([1], 6))


@pytest.mark.parametrize("cited", [[], [0, 1, 2], [1, 1]])
def test_nothing_everything_and_repeats_are_refused(cited: list[int]) -> None:
    with pytest.raises(ValueError, match="some and not all"):
        compare(additive(), [Case([1, 2, 3], 4)], [cited], ["case"], n_random=1, seed=0, top_ks=[])


def test_no_cases() -> None:
    found = compare(additive(), [], [], [], n_random=3, seed=0, top_ks=[1])
    assert found.values["pn@1"]["mask"].shape == (0, 6)
