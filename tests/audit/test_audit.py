"""Audits of recommenders whose reason is known name that reason."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from recexplainer.audit.audit import Plan, audit_figures, audit_recommender
from recexplainer.audit.carriers import KINDS
from recexplainer.audit.sentences import write_sentences
from recexplainer.core.errors import InputError
from recexplainer.core.records.evidence import Variant
from recexplainer.data.interactions import Interactions
from tests.audit import world
from tests.evidence.planted import N_ITEMS, Cause, Planted, fixed_pair, genre, only_genre, only_newest, only_popularity

PAIR = (7, 23)
VARIANTS = get_args(Variant)


def audit(cause: Cause, plan: Plan) -> dict[str, Any]:
    audited = audit_recommender(cause.recommender, plan)
    figures = audit_figures(audited, plan)
    assert all(said.holds for said in write_sentences(figures, audited, plan))
    return figures


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_newest_item(variant: Variant) -> None:
    figures = audit(only_newest(), world.plan(world.interactions(), variant=variant))
    for part in ("top", "bottom"):
        assert figures[part]["shares"]["newest"] >= 0.95
        assert figures[part]["strength"]["newest"] >= 0.95
        assert figures[part]["chance"]["newest"] == pytest.approx(1 / 8)
    assert figures["top"]["hangs_on_one"] >= 0.95
    assert figures["bottom"]["hangs_on_one"] <= 0.1  # without it the item is level with others, which count against it


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_one_genre(variant: Variant) -> None:
    data = world.interactions(always=(7,))  # nobody is without an item of genre 1
    figures = audit(only_genre(1), world.plan(data, top_k=3, variant=variant))
    for part in ("top", "bottom"):
        named = figures[part]["values"][0]
        assert (named["name"], named["share"]) == ("Genre B", pytest.approx(1, abs=0.05))
        assert named["chance"] < 0.4
    assert figures["top"]["shares"]["category"] >= 0.95
    assert figures["bottom"]["shares"]["unrelated"] >= 0.95  # it speaks against items of another genre
    assert genre(7) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_popularity(variant: Variant) -> None:
    figures = audit(only_popularity(), world.plan(world.interactions(), top_k=5, variant=variant))
    for part in ("top", "disliked", "bottom"):
        assert figures[part]["shares"]["nothing"] >= 0.95
        assert figures[part]["hangs_on_one"] == 0
        assert figures[part]["items_for_half"] is None and figures[part]["items"] == []


@pytest.mark.parametrize("together", [True, False])
def test_a_fixed_pair(together: bool) -> None:
    """Where only both are enough, either item carries the decision alone; where either is enough, none does."""
    figures = audit(fixed_pair(PAIR, together), world.plan(world.interactions(always=PAIR), top_k=4))
    alone, jointly = (1.0, 0.0) if together else (0.0, 1.0)
    for part in ("top", "bottom"):
        shares = figures[part]["shares"]
        assert shares["newest"] + shares["earlier"] == pytest.approx(alone, abs=0.05)
        assert shares["together"] == figures[part]["strength"]["together"] == pytest.approx(jointly, abs=0.05)
        assert {item["item_id"] for item in figures[part]["items"]} == (set(PAIR) if together else set())
        assert sum(item["share"] for item in figures[part]["items"]) == pytest.approx(alone, abs=0.05)
        assert figures[part]["items_for_half"] <= 1
    assert figures["top"]["hangs_on_one"] == alone


def test_an_item_older_than_what_is_shown() -> None:
    """The first of eight items decides, and four are shown."""

    def score(item_ids: Any) -> Any:
        scores = only_newest().recommender._score(item_ids.flip(1))
        return scores

    figures = audit(Cause(Planted(score), lambda decision: set()), world.plan(world.interactions(), n_shown=4))
    assert figures["top"]["shares"]["unshown"] >= 0.95
    assert figures["top"]["strength"]["unshown"] == pytest.approx(1)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_unit_of_the_scores_does_not_matter(factor: float) -> None:
    plan = world.plan(world.interactions(always=(7,)), top_k=3)
    plain = audit(only_genre(1), plan)
    cause = only_genre(1)
    scaled = audit(Cause(Planted(lambda ids: cause.recommender._score(ids) * factor), cause.reason), plan)
    assert scaled["score_spread"] == pytest.approx(factor * plain["score_spread"])
    for part in ("top", "bottom"):
        for kind in KINDS:
            assert scaled[part]["shares"][kind] == pytest.approx(plain[part]["shares"][kind])
        assert scaled[part]["strength_mean"] == pytest.approx(plain[part]["strength_mean"], rel=1e-3)


def test_a_recommender_without_decisions_is_refused() -> None:
    constant = Planted(lambda ids: only_popularity().recommender._score(ids) * 0)
    with pytest.raises(InputError, match="gives all items one score"):
        audit_recommender(constant, world.plan(world.interactions()))


def test_histories_up_to_the_median_are_short() -> None:
    lengths = [3, 3, 8] * 20
    histories = [
        row[:length] for row, length in zip(world.interactions().item_ids.reshape(-1, 8), lengths, strict=True)
    ]
    offsets = np.concatenate([[0, 0], np.cumsum(lengths)])
    plan = world.plan(Interactions(np.concatenate(histories), offsets, N_ITEMS))
    segments = audit(only_newest(), plan)["segments"]
    assert (segments["short_histories"]["n_decisions"], segments["long_histories"]["n_decisions"]) == (40, 20)


def test_segments_add_up_to_the_top() -> None:
    figures = audit(only_newest(), world.plan(world.interactions()))
    n = figures["top"]["n_decisions"]
    segments = figures["segments"]
    assert segments["short_histories"]["n_decisions"] + segments["long_histories"]["n_decisions"] == n
    assert segments["head_items"]["n_decisions"] + segments["tail_items"]["n_decisions"] == n
    assert segments["tail_items"]["shares"]["newest"] >= 0.95  # nobody took what is recommended
    assert segments["head_items"]["shares"]["newest"] is None
