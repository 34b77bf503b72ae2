"""How far raters and judges agree on the level of the same texts, beyond what chance would bring.

A table of ratings holds numbers: one row per text, one column per rater, NaN where a rater gave none. Every
figure is computed from counts of ratings, so that a draw of the bootstrap is a sum of the texts' counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.core.statistics.bootstrap import draw_weights
from recexplainer.core.statistics.intervals import with_interval
from recexplainer.core.statistics.weighted import ratio, spearman

N_DRAWS = 1000
ALPHA_METRICS = ("nominal", "ordinal", "interval")
PAIR_FIGURES = ("same", "kappa", "kappa_quadratic", "spearman")
OVERALL_FIGURES = ("fleiss_kappa", *(f"alpha_{metric}" for metric in ALPHA_METRICS))


def krippendorff_alpha(ratings: Any, metric: str = "nominal") -> float:
    """Krippendorff's α: 1 less the share of the disagreement that chance would bring; NaN without any spread.

    Texts with fewer than two ratings count for nothing, as there is nothing to compare them with.

    Args:
        ratings: `(n_texts, n_raters)`, NaN where missing.
        metric: How far two ratings are apart: "nominal" (different or not), "ordinal" (by how many ratings
            lie between them) or "interval" (by the square of their difference).

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.
    """
    codes, values = _coded(np.asarray(ratings, dtype=float))
    return float(_alpha(_coincidences(_level_counts(codes, len(values))).sum(axis=0), values, metric))


def agreement(
    table: pd.DataFrame,
    rng: np.random.Generator,
    clusters: Sequence[Any] | None = None,
    n_draws: int = N_DRAWS,
) -> dict[str, Any]:
    """The agreement of all pairs of raters, and of all together, with 95 % intervals.

    A pair is compared on what both rated. Fleiss' κ is that of the texts that everybody rated (`n_complete`),
    α of all that have two ratings or more (`n_compared`). An interval holds the middle of the figures of
    `n_draws` draws with replacement; draws in which a figure is undefined are left out of it.

    Args:
        table: One row per text, one column per rater, NaN where missing.
        rng: The source of the draws.
        clusters: Which texts are drawn together, since they tell of the same case; None: each by itself.
        n_draws: Number of draws.

    Returns:
        `pairs`: per pair `first`, `second`, `n`, and each of `PAIR_FIGURES` with its `…_interval`;
        `overall`: `n_ratings`, `n_compared`, `n_complete`, and each of `OVERALL_FIGURES` likewise. A figure is
        None where it is undefined.

    Source: Cohen, "A Coefficient of Agreement for Nominal Scales", 1960, and "Weighted Kappa", 1968; scikit-learn's
    `cohen_kappa_score` gives the same figures, one draw at a time. Fleiss, "Measuring Nominal Scale Agreement Among
    Many Raters", 1971.
    """
    drawn = draw_weights(np.arange(len(table)) if clusters is None else np.asarray(clusters), n_draws, rng)
    ratings = table.to_numpy(dtype=float)
    names = list(table.columns)
    columns = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    return {
        "pairs": [
            {"first": str(names[i]), "second": str(names[j]), **_pair_figures(ratings[:, [i, j]], drawn)}
            for i, j in columns
        ],
        "overall": _overall_figures(ratings, drawn),
    }


# --- figures of a pair, and of all -------------------------------------------------------------------------


def _pair_figures(ratings: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    both = ~np.isnan(ratings).any(axis=1)
    codes, values = _coded(ratings)
    first, second = (codes[:, [column]] == np.arange(len(values)) for column in (0, 1))
    counts = (first[:, :, None] & second[:, None, :]).astype(float)  # per text one 1 in the two raters' table, or none
    of_draws = np.tensordot(drawn, counts, axes=1)  # (draws, n_values, n_values)
    figures = {
        "same": ratio(np.trace(of_draws, axis1=1, axis2=2), of_draws.sum(axis=(1, 2))),
        "kappa": _kappa(of_draws, 1 - np.eye(len(values))),
        "kappa_quadratic": _kappa(of_draws, (values[:, None] - values) ** 2),
        "spearman": spearman(ratings[both, 0], ratings[both, 1], drawn[:, both]),
    }
    return {"n": int(both.sum()), **_with_intervals(figures)}


def _overall_figures(ratings: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    codes, values = _coded(ratings)
    counts = _level_counts(codes, len(values))
    n_per_text = counts.sum(axis=1)
    complete = (n_per_text == ratings.shape[1]) & (n_per_text >= 2)
    of_draws = np.tensordot(drawn, _coincidences(counts), axes=1)
    figures = {"fleiss_kappa": _fleiss(counts[complete], drawn[:, complete])}
    figures |= {f"alpha_{metric}": _alpha(of_draws, values, metric) for metric in ALPHA_METRICS}
    return {
        "n_ratings": int(n_per_text.sum()),
        "n_compared": int((n_per_text >= 2).sum()),
        "n_complete": int(complete.sum()),
        **_with_intervals(figures),
    }


def _with_intervals(figures: dict[str, np.ndarray]) -> dict[str, Any]:
    return {key: value for name, draws in figures.items() for key, value in with_interval(name, draws).items()}


# --- counts ------------------------------------------------------------------------------------------------


def _coded(ratings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each rating's place among the distinct ratings, -1 where missing; and these, in their order."""
    values = np.unique(ratings[~np.isnan(ratings)])
    return np.where(np.isnan(ratings), -1, np.searchsorted(values, ratings)), values


def _level_counts(codes: np.ndarray, n_values: int) -> np.ndarray:
    """How many raters gave each text each rating, `(n_texts, n_values)`."""
    return (codes[:, :, None] == np.arange(n_values)).sum(axis=1).astype(float)


def _coincidences(counts: np.ndarray) -> np.ndarray:
    """Per text the ordered pairs of its ratings, each text counting as often as it has ratings."""
    pairs = counts[:, :, None] * counts[:, None, :]
    levels = np.arange(counts.shape[1])
    pairs[:, levels, levels] -= counts  # no rating is compared with itself
    others = counts.sum(axis=1) - 1
    return pairs / np.where(others > 0, others, np.inf)[:, None, None]


# --- figures of counts; leading axes are draws ---------------------------------------------------------------


def _kappa(counts: np.ndarray, distances: np.ndarray) -> np.ndarray:
    total = counts.sum(axis=(-2, -1))
    by_chance = counts.sum(axis=-1)[..., :, None] * counts.sum(axis=-2)[..., None, :]
    observed = (counts * distances).sum(axis=(-2, -1))
    expected = ratio((by_chance * distances).sum(axis=(-2, -1)), total)
    return 1 - ratio(observed, expected)


def _fleiss(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if not len(counts):
        return np.full(weights.shape[:-1], np.nan)
    n_raters = counts[0].sum()
    per_text = ((counts**2).sum(axis=1) - n_raters) / (n_raters * (n_raters - 1))
    n_texts = weights.sum(axis=-1)
    observed = ratio(weights @ per_text, n_texts)
    shares = ratio(weights @ counts, n_raters * n_texts[..., None])
    expected = (shares**2).sum(axis=-1)
    return ratio(observed - expected, 1 - expected)


def _alpha(coincidences: np.ndarray, values: np.ndarray, metric: str) -> np.ndarray:
    margins = coincidences.sum(axis=-1)
    distances = _alpha_distances(margins, values, metric)
    by_chance = margins[..., :, None] * margins[..., None, :]
    observed = (coincidences * distances).sum(axis=(-2, -1))
    expected = ratio((by_chance * distances).sum(axis=(-2, -1)), margins.sum(axis=-1) - 1)
    return 1 - ratio(observed, expected)


def _alpha_distances(margins: np.ndarray, values: np.ndarray, metric: str) -> np.ndarray:
    if metric == "nominal":
        return 1 - np.eye(len(values))
    if metric not in ALPHA_METRICS:
        raise ValueError(f"unknown metric {metric!r}; known: {', '.join(ALPHA_METRICS)}")
    places = values if metric == "interval" else _middles(margins)
    return (places[..., :, None] - places[..., None, :]) ** 2


def _middles(margins: np.ndarray) -> np.ndarray:
    """The middle of each value's ratings when all are lined up."""
    return np.cumsum(margins, axis=-1) - margins / 2
