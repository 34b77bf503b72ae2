"""Attributes that texts claim as reasons, over many explanations."""

from typing import Any

import numpy as np
import pytest

from recexplainer.core.records.explanation import Explanation
from recexplainer.data.catalogue import Catalogue
from recexplainer.faithfulness.attributes import attribute_figures
from recexplainer.faithfulness.evaluation import evaluate_faithfulness
from recexplainer.faithfulness.exchanges import AttributeClaim
from tests.faithfulness.fakes import make_record
from tests.faithfulness.test_exchanges import item, racing_speaks_for_racing, world  # noqa: F401


def said(effect: float | None, outcome: Any = "tested") -> AttributeClaim:
    return AttributeClaim(0, "cited" if effect is not None else None, outcome, effect)


def test_the_figures_are_those_worked_by_hand() -> None:
    records = [make_record(user_id=user) for user in (1, 1, 2)]
    claimed = [[said(0.5), said(0.05)], [said(None, "false")], [said(-0.2), said(None, "no_exchange"), said(0.3)]]
    unnamed = [[said(0.1)], [said(9.0)], [said(None, "no_exchange"), said(0.2), said(0.0)]]
    found = attribute_figures(records, claimed, unnamed, seed=1)
    counts = {name: found[name] for name in ("n_claims", "n_tested", "n_no_exchange", "n_false")}
    assert counts == {"n_claims": 6, "n_tested": 4, "n_no_exchange": 1, "n_false": 1}
    assert found["carrying"] == 0.5
    assert found["effect"] == pytest.approx(0.65 / 4)
    assert found["unnamed_effect"] == pytest.approx(0.3 / 3)  # the second text has no claim that was tested
    assert found["effect_over_unnamed"] == pytest.approx(((0.275 - 0.1) + (0.05 - 0.1)) / 2)
    assert found["effect_interval"] == pytest.approx([0.05, 0.275])  # only user 2 is drawn, only user 1
    assert found["p_value"] == pytest.approx(0.5, abs=0.02)  # ±.55 ± .1 of two users: two of four are as far


def test_without_a_claim_there_is_no_figure() -> None:
    found = attribute_figures([make_record()], [[]], [[]], seed=1)
    assert (found["n_claims"], found["effect"], found["p_value"], found["carrying_interval"]) == (0, None, None, None)


def records_naming(catalogue: Catalogue, value: str) -> list[Explanation]:
    """Of Racing games for the Nova 64, to users who played one, and something else."""
    rng = np.random.default_rng(1)
    return [
        make_record(
            catalogue,
            explanation_id=f"e{number}",
            user_id=number,
            history=(
                history := [item("Racing", "Nova 64", int(rng.integers(4))), item("Puzzle", "Orbit 2", number % 5)]
            ),
            item_id=item("Racing", "Nova 64", 4),
            label="Yes",
            verdict="Yes",
            text=f'Yes. It is a {value} game, and the user played "{catalogue.title(history[0])}".',
        )
        for number in range(20)
    ]


def test_texts_that_name_the_deciding_attribute_beat_those_that_name_another(world: Catalogue) -> None:  # noqa: F811
    recommender = racing_speaks_for_racing(0.7)
    found, frames = {}, {}
    for value in ("Racing", "Nova 64", "Horror"):
        records = records_naming(world, value)
        frame, figures = evaluate_faithfulness(
            records, [record.history for record in records], world, recommender, top_ks=[1], n_random=5, seed=7
        )
        found[value], frames[value] = figures["evidence"]["attributes"], frame
    right, beside, false = found["Racing"], found["Nova 64"], found["Horror"]
    assert (right["n_tested"], right["carrying"]) == (20, 1.0)
    assert right["effect_over_unnamed"] == pytest.approx(right["effect"]) and right["p_value_over_unnamed"] < 0.001
    assert (beside["n_tested"], beside["carrying"]) == (20, 0.0)
    assert beside["effect"] == pytest.approx(0.0, abs=1e-6) and beside["effect_over_unnamed"] < -0.3
    assert (false["n_claims"], false["n_tested"], false["n_false"], false["effect"]) == (20, 0, 20, None)
    first = frames["Racing"].iloc[0]
    assert (first["claimed_attributes"], first["claim_outcomes"]) == (["Racing"], ["tested"])
    assert first["claim_effects"][0] == pytest.approx(right["effect"], abs=1e-5)
    assert frames["Horror"].iloc[0]["claim_outcomes"] == ["false"]
