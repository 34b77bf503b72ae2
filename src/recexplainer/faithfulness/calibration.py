"""Whether the verdict's probability can be believed: held against the recommender's own decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recexplainer.core.statistics.p_values import p_value_of_draws

N_BINS = 10
N_DRAWS = 2000


def verdict_calibration(p_yes: Sequence[float | None], labels: Sequence[str], seed: int) -> dict[str, Any]:
    """Reliability bins, Brier score and expected calibration error of the probability of Yes.

    Few cases make even a perfect probability look off: `ece_if_calibrated` is what the error would be on average if
    every decision were drawn with the probability that the verdict states, and `p_value` how often it would be as
    large as the observed one.

    Args:
        p_yes: Probability of Yes against No; None where the model gave none.
        labels: The recommender's decisions, Yes or No.
        seed: Of the draws.

    Returns:
        `n`, `n_without_probability`, `brier` and `brier_of_base_rate` (always stating the share of Yes), `ece`,
        `ece_if_calibrated`, `p_value`, and `bins` of equal width with `low`, `high`, `n`, `mean_p`, `share_yes`
        (null in an empty bin). Figures without any case are None.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2, for two classes.
    """
    known = [(p, label == "Yes") for p, label in zip(p_yes, labels, strict=True) if p is not None]
    p = np.array([value for value, _ in known], dtype=float)
    truth = np.array([is_yes for _, is_yes in known], dtype=float)
    figures: dict[str, Any] = {"n": len(p), "n_without_probability": len(p_yes) - len(p)}
    if not len(p):
        return figures | dict.fromkeys(_FIGURES) | {"bins": reliability_bins(p, truth)}
    observed = float(expected_calibration_error(p, truth))
    drawn = np.random.default_rng(seed).random((N_DRAWS, len(p))) < p
    by_chance = expected_calibration_error(p, drawn.astype(float))
    return figures | {
        "brier": brier(p, truth),
        "brier_of_base_rate": brier(np.full(len(p), truth.mean()), truth),
        "ece": observed,
        "ece_if_calibrated": float(by_chance.mean()),
        "p_value": p_value_of_draws(observed, by_chance),
        "bins": reliability_bins(p, truth),
    }


_FIGURES = ("brier", "brier_of_base_rate", "ece", "ece_if_calibrated", "p_value")


def brier(p: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared distance of probability and truth (0 or 1).

    >>> brier(np.array([0.9, 0.4]), np.array([1.0, 1.0])).__round__(3)
    0.185
    """
    return float(((p - truth) ** 2).mean())


def expected_calibration_error(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance of mean probability and share of Yes per bin, weighted by the bins' cases.

    Args:
        p: (n,).
        truth: (…, n), 0 or 1.

    >>> expected_calibration_error(np.array([0.9, 0.94, 0.1]), np.array([1.0, 0.0, 0.0])).round(3).tolist()
    0.313
    """
    in_bin = _bin_of(p)[:, None] == np.arange(N_BINS)  # (n, n_bins)
    return np.asarray(np.abs((truth - p) @ in_bin).sum(axis=-1) / len(p))


def reliability_bins(p: np.ndarray, truth: np.ndarray) -> list[dict[str, Any]]:
    """Per bin of equal width its bounds, cases, mean probability and share of Yes; 1 is in the last bin."""
    places = _bin_of(p)
    bins = []
    for number in range(N_BINS):
        own = places == number
        bins.append(
            {
                "low": number / N_BINS,
                "high": (number + 1) / N_BINS,
                "n": int(own.sum()),
                "mean_p": float(p[own].mean()) if own.any() else None,
                "share_yes": float(truth[own].mean()) if own.any() else None,
            }
        )
    return bins


def _bin_of(p: np.ndarray) -> np.ndarray:
    return np.minimum((p * N_BINS).astype(int), N_BINS - 1)
