"""How steady a judge is that is asked about the same texts time and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recexplainer.core.statistics.agreement import krippendorff_alpha
from recexplainer.judging.grade import SCORES


def repeat_figures(levels: Sequence[Sequence[str]]) -> dict[str, Any]:
    """How steady a judge is: the levels that it gave the same texts, time and again.

    Args:
        levels: Per text its levels, one per repeat; what is not a level (`failed`, `unparseable`) is missing.

    Returns:
        `n`: repeats; `same`: the share of texts with one level throughout, among those that have all levels;
        `alpha_ordinal`: Krippendorff's α of the repeats. None where undefined.

    >>> repeat_figures([["A", "A"], ["C", "D"], ["B", "failed"]])["same"]
    0.5
    """
    complete = [found for found in levels if all(level in SCORES for level in found)]
    same = sum(len(set(found)) == 1 for found in complete)
    scores = [[SCORES.get(level, np.nan) for level in found] for found in levels]
    alpha = krippendorff_alpha(scores, "ordinal") if scores else np.nan
    return {
        "n": max((len(found) for found in levels), default=0),
        "same": same / len(complete) if complete else None,
        "alpha_ordinal": None if np.isnan(alpha) else alpha,
    }
