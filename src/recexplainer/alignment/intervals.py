"""Intervals of alignment metrics: users are drawn anew with replacement, all draws at once.

What one user was asked stays together. Questions about items alone have no user, and are drawn each by itself. An
interval says how far a figure would move with other test users, not with another training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from recexplainer.core.statistics import blocks, percentile_interval
from recexplainer.data.examples import Example

Score = Callable[[list[Example], list[Any]], Mapping[str, float]]


def mean_intervals(
    score: Score,
    examples: Sequence[Example],
    answers: Sequence[Any],
    n_draws: int,
    seed: int,
    sizes: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, list[float]]:
    """The interval of every metric that is a mean over questions.

    Args:
        score: A task's metrics of some questions and answers.
        examples: The questions.
        answers: What `score` takes beside them, one each.
        n_draws: How many draws; 0 gives no intervals.
        seed: Of the draws.
        sizes: For a metric that is a mean over something else, how much of it each question has.

    Returns:
        `<metric>_interval`: lower and upper end.
    """
    if not n_draws:
        return {}
    rows = [score([example], [answer]) for example, answer in zip(examples, answers, strict=True)]
    owners = _owners(examples)
    intervals: dict[str, list[float]] = {}
    for metric in rows[0]:
        values = np.array([row[metric] for row in rows])
        shares = np.array((sizes or {}).get(metric, np.ones(len(rows))))
        sums = np.stack([np.bincount(owners, values * shares), np.bincount(owners, shares)], axis=1)  # (n_owners, 2)
        drawn = np.concatenate([block @ sums for block in _draws(owners, n_draws, seed, len(sums))])
        intervals |= _interval(metric, drawn[:, 0] / np.where(drawn[:, 1] > 0, drawn[:, 1], np.nan))
    return intervals


def auc_interval(
    examples: Sequence[Example], labels: np.ndarray, chances: np.ndarray, n_draws: int, seed: int
) -> dict[str, list[float]]:
    """The interval of the area under the ROC curve; none where all labels are alike.

    Args:
        examples: The questions.
        labels: (n,) whether Yes is right.
        chances: (n,) the probability of Yes.
        n_draws: How many draws; 0 gives no interval.
        seed: Of the draws.
    """
    if not n_draws or labels.all() or not labels.any():
        return {}
    owners = _owners(examples)
    drawn = _draws(owners, n_draws, seed, len(labels))
    return _interval("auc", np.concatenate([auc(labels, chances, block[:, owners]) for block in drawn]))


def auc(labels: np.ndarray, chances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the ROC curve when each question stands there as often as its weight says; a tie counts half.

    Args:
        labels: (n,) bool.
        chances: (n,) scores.
        weights: (n_draws, n).

    Returns:
        (n_draws,); NaN where all labels drawn are alike.

    >>> auc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]), np.array([[1, 1, 1], [0, 1, 3]])).tolist()
    [0.75, 0.5]
    """
    levels, level = np.unique(chances, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(len(levels)))
    yes, no = (np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in (labels, ~labels))
    above = (yes * (np.cumsum(no, axis=1) - no / 2)).sum(axis=1)
    pairs = yes.sum(axis=1) * no.sum(axis=1)
    return np.divide(above, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def _owners(examples: Sequence[Example]) -> np.ndarray:
    """(n,) whose question each is, numbered from 0: a user's, or one of its own where there is no user."""
    keys = [example.user_id or -1 - place for place, example in enumerate(examples)]
    return np.unique(keys, return_inverse=True)[1]


def _draws(owners: np.ndarray, n_draws: int, seed: int, width: int) -> Iterator[np.ndarray]:
    """(n, n_owners) how often each owner is drawn, in blocks; what is made of a draw takes `width` numbers."""
    n_owners = int(owners.max()) + 1
    rng = np.random.default_rng(seed)
    for size in blocks(n_draws, max(width, n_owners)):
        yield rng.multinomial(n_owners, np.full(n_owners, 1 / n_owners), size=size).astype(float)


def _interval(metric: str, values: np.ndarray) -> dict[str, list[float]]:
    """The interval, rounded as the metrics are; none where the metric exists in no draw."""
    ends = percentile_interval(values)
    return {} if ends is None else {f"{metric}_interval": [round(end, 4) for end in ends]}
