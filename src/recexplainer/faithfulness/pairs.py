"""Two models' explanations of the same decisions, compared case by case."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.core.statistics.p_values import holm, paired_difference
from recexplainer.evidence.perturbation import VARIANTS
from recexplainer.faithfulness.tables import LOWER_IS_BETTER, MEASURES

TEXT_MEASURES = ("verdict_agreement", "citing", "hallucinating_texts", "inventing_texts")
DELETION_MEASURES = tuple(f"{measure}_{variant}" for measure in MEASURES for variant in VARIANTS)
OWNER = "user_id"
N_DRAWS = 1999  # of each test: there are some hundred


def compare_sources(rows: Mapping[str, pd.DataFrame], seed: int) -> dict[str, dict[str, Any]]:
    """Paired tests of every two sources, the first minus the second.

    Shares of texts (`TEXT_MEASURES`) are compared over all cases that both explained. Of a deletion's measures what is
    compared is the gain over as many random items, so that a source does not win by citing more, over the decisions
    "Yes" where both cite some and not all items; gains are turned so that more is better.

    Args:
        rows: Per source its rows of the stage ``faithfulness``.
        seed: Of the draws.

    Returns:
        Per pair ``first-second`` and measure: `n`, `difference`, its 95 % interval and `p_value` (two-sided; None
        without a common case), for which the cases of one user are drawn and swapped together, and `p_value_holm`,
        corrected for the number of pairs (Holm 1979).

    Raises:
        InputError: A source's rows lack a measure: they were written by an older version.
    """
    figures = {source: case_figures(source, frame) for source, frame in rows.items()}
    pairs = {
        f"{first}-{second}": _compare(figures[first], figures[second], seed)
        for first, second in combinations(figures, 2)
    }
    for measure in (*TEXT_MEASURES, *DELETION_MEASURES):
        tested = [pair[measure] for pair in pairs.values() if pair[measure]["p_value"] is not None]
        for found, corrected in zip(tested, holm([found["p_value"] for found in tested]), strict=True):
            found["p_value_holm"] = corrected
    return pairs


def case_figures(source: str, rows: pd.DataFrame) -> pd.DataFrame:
    """What is compared of one source, one row per explanation id; nan where a case is not compared."""
    needed = ["user_id", *(f"{name}_{explainer}" for name in DELETION_MEASURES for explainer in ("cited", "random"))]
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise InputError(f"faithfulness_{source}.parquet: has no column {missing[0]!r}; run faithfulness again")
    figures = pd.DataFrame(index=pd.Index(rows["explanation_id"], name="explanation_id"))
    invents = rows["invented_titles"].map(len).to_numpy() > 0
    figures[OWNER] = rows["user_id"].to_numpy()
    figures["verdict_agreement"] = (rows["verdict"] == rows["label"]).to_numpy(dtype=float)
    figures["citing"] = (rows["cited_positions"].map(len).to_numpy() > 0).astype(float)
    figures["hallucinating_texts"] = (invents | (rows["other_items"].map(len).to_numpy() > 0)).astype(float)
    figures["inventing_texts"] = invents.astype(float)
    is_yes = (rows["label"] == "Yes").to_numpy()
    for name in DELETION_MEASURES:
        sign = -1 if name.rsplit("_", 1)[0] in LOWER_IS_BETTER else 1
        gain = sign * (rows[f"{name}_cited"] - rows[f"{name}_random"]).to_numpy(dtype=float)
        figures[name] = np.where(is_yes, gain, np.nan)
    return figures


def _compare(first: pd.DataFrame, second: pd.DataFrame, seed: int) -> dict[str, Any]:
    common = first.index.intersection(second.index)
    first, second = first.loc[common], second.loc[common]
    found: dict[str, Any] = {}
    for measure in first.columns.drop(OWNER):
        both = (first[measure].notna() & second[measure].notna()).to_numpy()
        if not both.any():
            found[measure] = {"n": 0, "difference": None, "difference_interval": None, "p_value": None}
            continue
        a, b = (frame[measure].to_numpy()[both] for frame in (first, second))
        owners = first[OWNER].to_numpy()[both]
        tested = paired_difference(a, b, np.random.default_rng(seed), N_DRAWS, owners)
        found[measure] = {"n": int(both.sum()), **tested}
    return found
