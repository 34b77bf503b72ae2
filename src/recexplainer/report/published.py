"""Figures that the RecExplainer paper printed for Games: other data than ours, and an LLM of 7 B parameters.

Source: Lei et al., "RecExplainer: Aligning Large Language Models for Explaining Recommendation Models",
KDD 2024 (arXiv 2311.10947): effect of the alignment, the judge's means, the score predictor's errors.
"""

from __future__ import annotations

CITATION = "Lei et al., KDD 2024, Games"

_ALIGNMENT_COLUMNS = (
    ("next_item_retrieval", "hr@5"),
    ("next_item_retrieval", "ndcg@5"),
    ("item_ranking", "paper_ndcg@5"),
    ("interest_classification", "accuracy"),
    ("history_reconstruction", "hcr"),
)
_ALIGNMENT_ROWS: dict[str, tuple[float | None, ...]] = {
    "behaviour": (0.7460, 0.6260, 0.7521, 0.8365, None),
    "intention": (0.8436, 0.6994, 0.8299, 0.9385, 0.1162),
    "both": (0.8057, 0.6922, 0.8458, 0.9189, 0.1325),
    "none": (0.0026, 0.0014, 0.2391, 0.5026, None),
    "random": (0.0023, 0.0015, 0.6153, 0.5030, None),
    "popularity": (0.0077, 0.0047, 0.6683, None, None),
    "student": (0.6736, 0.5234, 0.8759, 0.7768, None),
}
JUDGE_MEAN = {"behaviour": 2.32, "intention": 1.67, "both": 2.52, "none": 2.07}
SCORE_MSE = {"both": 1.28, "none": 3.70}


def alignment(row: str, task: str, metric: str) -> float | None:
    """The paper's figure of a mode or baseline (``none``: the LLM, zero-shot); None where it prints none.

    Its LLMs answer in free text, so their figures are also given under ``free/…``.

    >>> alignment("both", "next_item_retrieval", "hr@5")
    0.8057
    """
    if metric.startswith("free/") and row in JUDGE_MEAN:  # the LLMs
        metric = metric.removeprefix("free/")
    figures = dict(zip(_ALIGNMENT_COLUMNS, _ALIGNMENT_ROWS.get(row, ()), strict=False))
    return figures.get((task, metric))
