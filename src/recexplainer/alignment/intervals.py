"""Intervals of alignment metrics: users are resampled with replacement, all draws at once.

What one user was asked stays together. Questions about items alone have no user, and are drawn each by itself. An
interval says how far a figure would move with other test users, not with another training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recexplainer.core.statistics.bootstrap import draw_means, draw_owners
from recexplainer.core.statistics.intervals import percentile_interval
from recexplainer.core.statistics.weighted import auc
from recexplainer.data.examples import Example
from recexplainer.tasks.task import Score


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
        answers: What `score` takes besides, one each.
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
        intervals |= _interval(metric, draw_means(values, shares, owners, n_draws, np.random.default_rng(seed)))
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
    drawn = draw_owners(owners.max() + 1, n_draws, np.random.default_rng(seed), width=len(labels))
    return _interval("auc", np.concatenate([auc(labels, chances, block[:, owners]) for block in drawn]))


def _owners(examples: Sequence[Example]) -> np.ndarray:
    """(n,) whose question each is, numbered from 0: a user's, or one of its own where there is no user."""
    keys = [example.user_id or -1 - place for place, example in enumerate(examples)]
    return np.unique(keys, return_inverse=True)[1]


def _interval(metric: str, values: np.ndarray) -> dict[str, list[float]]:
    """The interval, rounded as the metrics are; none where the metric exists in no draw."""
    ends = percentile_interval(values)
    return {} if ends is None else {f"{metric}_interval": [round(end, 4) for end in ends]}
