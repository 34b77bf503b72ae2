"""What the embedded rubric says of the explanations that a language model judged, and how far the two agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.core.records.explanation import Explanation
from recexplainer.core.statistics.agreement import agreement
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.grade import Grade, summarise
from recexplainer.judging.rubric import JUDGE, judge_by_rubric


def compare_with_rubric(
    grades: Sequence[Grade], records: Sequence[Explanation], catalogue: Catalogue, rng: np.random.Generator
) -> dict[str, Any]:
    """The rubric's figures for the explanations that a language model judged.

    Args:
        grades: The language model's, one per record; those without a level are not compared.
        records: The explanations.
        catalogue: What the rubric checks against.
        rng: Of the intervals.

    Returns:
        What `summarise` gives for the rubric, and `agreement`: `n` texts that both gave a level, and the figures of
        `PAIR_FIGURES` with their intervals.
    """
    rubric = [judge_by_rubric(record, catalogue) for record in records]
    scores = {"model": grades, JUDGE: rubric}
    table = pd.DataFrame({name: [found.score for found in given] for name, given in scores.items()}, dtype=float)
    (pair,) = agreement(table, rng)["pairs"]
    compared = {name: value for name, value in pair.items() if name not in ("first", "second")}
    return {**summarise([found.level for found in rubric], JUDGE), "agreement": compared}
