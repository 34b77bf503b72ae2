"""A world of items with a genre, a platform and a maker; recommenders that look at one of these alone."""

from itertools import product

import numpy as np
import pytest
import torch

from recexplainer.citations.attributes import attribute_index
from recexplainer.core.records.evidence import Label
from recexplainer.data.catalogue import Catalogue
from recexplainer.evidence.perturbation import Decision
from recexplainer.faithfulness.exchanges import AttributeClaim, AttributeTest
from recexplainer.recommenders.base import Recommender
from tests.evidence.planted import Planted
from tests.faithfulness.fakes import make_catalogue

GENRES, PLATFORMS, N_EACH = ("Racing", "Puzzle", "Horror"), ("Nova 64", "Orbit 2", "Astra X"), 5
WORLD = list(product(GENRES, PLATFORMS, range(N_EACH)))
N = len(WORLD)
RACING = torch.tensor([False, *(game[0] == "Racing" for game in WORLD)])


@pytest.fixture(scope="module")
def world() -> Catalogue:
    return make_catalogue(
        [
            {"title": f"Game {number} of {genre}", "features": [f"Genre: {genre}", f"Platform: {platform}"]}
            for number, (genre, platform, _) in enumerate(WORLD, start=1)
        ]
    )


def item(genre: str, platform: str, number: int = 0) -> int:
    return WORLD.index((genre, platform, number)) + 1


def racing_speaks_for_racing(gain: float) -> Recommender:
    """Each Racing game of a history adds `gain` to the scores of Racing games."""

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        return gain * RACING[item_ids].sum(dim=1)[:, None] * RACING.float()

    return Planted(score, N)


def claim_of(
    recommender: Recommender, world: Catalogue, decision: Decision, cited: list[int], value: str
) -> AttributeClaim:
    index = attribute_index(world)
    number = index.number_of(value)
    assert number is not None
    (found,) = AttributeTest(recommender, index, world, seed=3).claims(decision, cited, [number])
    return found


def log_p(n_racing: int, gain: float) -> float:
    """Of a Racing game: 15 of 45 games get `gain` per Racing game of the history."""
    return float(gain * n_racing - np.log(15 * np.exp(gain * n_racing) + 30))


@pytest.mark.parametrize("label", ["Yes", "No"])
def test_the_attribute_that_decides_has_the_effect_worked_by_hand(world: Catalogue, label: Label) -> None:
    history = [item("Racing", "Nova 64"), item("Puzzle", "Orbit 2"), item("Racing", "Astra X")]
    decision = Decision(history, item("Racing", "Nova 64", 1), label=label)
    recommender = racing_speaks_for_racing(0.7)
    sign = 1 if label == "Yes" else -1
    one = claim_of(recommender, world, decision, history[:1], "Racing")
    assert (one.place, one.outcome) == ("cited", "tested")
    assert one.effect == pytest.approx(sign * (log_p(2, 0.7) - log_p(1, 0.7)), abs=1e-5)
    both = claim_of(recommender, world, decision, [history[0], history[2]], "Racing")
    assert both.effect == pytest.approx(sign * (log_p(2, 0.7) - log_p(0, 0.7)), abs=1e-5)


def test_an_attribute_that_only_goes_with_the_deciding_one_has_no_effect(world: Catalogue) -> None:
    """The cited game is a Racing game for the Nova 64, as the target is: the platform counts for nothing."""
    history = [item("Racing", "Nova 64"), item("Puzzle", "Orbit 2")]
    decision = Decision(history, item("Racing", "Nova 64", 1))
    found = claim_of(racing_speaks_for_racing(0.7), world, decision, history[:1], "Nova 64")
    assert (found.place, found.outcome) == ("cited", "tested")
    assert found.effect == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("label", ["Yes", "No"])
def test_an_attribute_of_the_target_alone_is_tested_on_twins_of_the_target(world: Catalogue, label: Label) -> None:
    history = [item("Puzzle", "Nova 64"), item("Racing", "Orbit 2")]
    decision = Decision(history, item("Racing", "Nova 64", 1), label=label)
    found = claim_of(racing_speaks_for_racing(0.7), world, decision, history[:1], "Racing")
    assert (found.place, found.outcome) == ("target", "tested")
    assert found.effect == pytest.approx(0.7 if label == "Yes" else -0.7, abs=1e-5)  # ln p of Racing, of another


def test_what_cannot_be_asked_is_said_to_be_unclaim_of(world: Catalogue) -> None:
    history = [item("Racing", "Nova 64", number) for number in range(4)]
    decision = Decision(history, item("Racing", "Nova 64", 4))
    recommender = racing_speaks_for_racing(0.7)
    found = claim_of(recommender, world, decision, history[:1], "Puzzle")
    assert (found.outcome, found.place, found.effect) == ("false", None, None)
    taken = [item(genre, platform, number) for genre in GENRES[1:] for platform in PLATFORMS for number in range(5)]
    found = claim_of(recommender, world, Decision([*taken, *history], decision.item_id), history[:1], "Racing")
    assert (found.outcome, found.place, found.effect) == ("no_exchange", None, None)  # nobody else is not Racing


def test_an_exchange_has_neither_the_target_nor_another_item_of_the_history(world: Catalogue) -> None:
    asked: list[list[int]] = []

    def score(item_ids: torch.Tensor) -> torch.Tensor:
        asked.extend(item_ids.tolist())
        return torch.zeros(len(item_ids), N + 1)

    history = [
        item("Racing", "Nova 64"),
        item("Racing", "Orbit 2"),
        item("Puzzle", "Nova 64"),
        item("Racing", "Nova 64"),
    ]
    target = item("Racing", "Astra X", 2)
    claim_of(Planted(score, N), world, Decision(history, target), history[:2], "Racing")
    assert len(asked) == 3 + 5  # of eight other Racing games the first cited item takes five
    for changed in asked:
        assert changed[2] == history[2] and changed[0] == changed[3]  # all places of an item go together
        assert len({*changed, *history, target}) == 6 and target not in changed


def test_the_same_question_has_the_same_answer(world: Catalogue) -> None:
    weight = torch.randn(N + 1, N + 1, generator=torch.Generator().manual_seed(1))
    recommender = Planted(lambda item_ids: weight[item_ids].sum(dim=1), N)
    decision = Decision([item("Racing", "Nova 64"), item("Puzzle", "Orbit 2")], item("Horror", "Nova 64"))
    first, second = (claim_of(recommender, world, decision, decision.history[:1], "Nova 64") for _ in range(2))
    assert first.effect == second.effect != 0
