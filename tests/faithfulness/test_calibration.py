import numpy as np
import pytest

from recexplainer.faithfulness.calibration import expected_calibration_error, verdict_calibration


def test_every_figure_by_hand() -> None:
    found = verdict_calibration([0.9, 1.0, 0.05, 0.25, None], ["Yes", "No", "No", "Yes", "Yes"], seed=0)
    assert (found["n"], found["n_without_probability"]) == (4, 1)
    assert found["brier"] == pytest.approx((0.1**2 + 1.0 + 0.05**2 + 0.75**2) / 4)
    assert found["brier_of_base_rate"] == pytest.approx(0.25)  # two of four are Yes
    last = found["bins"][9]
    assert (last["low"], last["high"], last["n"], last["share_yes"]) == (0.9, 1.0, 2, 0.5)
    assert last["mean_p"] == pytest.approx(0.95)
    assert [one["n"] for one in found["bins"]] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 2]
    assert found["bins"][1]["mean_p"] is found["bins"][1]["share_yes"] is None
    assert found["ece"] == pytest.approx((0.05 + 0.75 + 2 * 0.45) / 4)


def test_decisions_drawn_with_the_stated_probability_are_calibrated_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(300)
    honest = np.where(rng.random(300) < p, "Yes", "No").tolist()
    found = verdict_calibration(p.tolist(), honest, seed=1)
    assert found["ece"] == pytest.approx(found["ece_if_calibrated"], abs=0.03)
    assert found["p_value"] > 0.05
    assert found["brier"] < found["brier_of_base_rate"]
    sure = verdict_calibration(np.where(p > 0.5, 0.99, 0.01).tolist(), honest, seed=1)
    assert sure["ece"] > 3 * sure["ece_if_calibrated"] and sure["p_value"] < 0.001


def test_many_draws_at_once_are_those_one_by_one() -> None:
    rng = np.random.default_rng(2)
    p, truth = rng.random(20), (rng.random((5, 20)) < 0.5).astype(float)
    together = expected_calibration_error(p, truth)
    assert together == pytest.approx([float(expected_calibration_error(p, row)) for row in truth])


@pytest.mark.parametrize("p_yes", [[], [None]])
def test_no_probability_gives_no_figure(p_yes: list[float | None]) -> None:
    found = verdict_calibration(p_yes, ["Yes"] * len(p_yes), seed=0)
    assert found["n"] == 0 and found["brier"] is found["ece"] is found["p_value"] is None
    assert [one["n"] for one in found["bins"]] == [0] * 10
