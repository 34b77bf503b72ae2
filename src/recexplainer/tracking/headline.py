"""The figures that a whole run of the pipeline is known by: a few per source, out of the metrics files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from recexplainer import store

Places = tuple[tuple[str, Callable[[str], Path], tuple[str, ...]], ...]
ALIGNMENT: Places = (
    ("hr@5", store.alignment_metrics, ("next_item_retrieval", "hr@5")),
    ("paper_ndcg@5", store.alignment_metrics, ("item_ranking", "paper_ndcg@5")),
    ("accuracy", store.alignment_metrics, ("interest_classification", "accuracy")),
    ("hcr", store.alignment_metrics, ("history_reconstruction", "hcr")),
)
EXPLANATIONS: Places = (
    ("judge_level_mean", store.judge_metrics, ("mean",)),
    ("evidence_score", store.faithfulness_metrics, ("evidence", "shift", "evidence_score")),
)
OF_THE_RECOMMENDER = ("hr@10", "ndcg@10")


def headline(measured: Collection[str], explained: Collection[str], recommender: str) -> dict[str, dict[str, float]]:
    """The headline of each source, and the recommender's own; what was not measured is left out.

    Args:
        measured: Whose alignment is measured.
        explained: Who explains.
        recommender: The kind of the recommender that is explained.
    """
    found: dict[str, dict[str, float]] = {}
    for sources, places in ((measured, ALIGNMENT), (explained, EXPLANATIONS)):
        for source in sources:
            found[source] = found.get(source, {}) | _of_source(source, places)
    own = _at(_read(store.RECOMMENDER_METRICS), (recommender, "test")) or {}
    found["recommender"] = {name: own[name] for name in OF_THE_RECOMMENDER if name in own}
    return {name: figures for name, figures in found.items() if figures}


def _of_source(source: str, places: Places) -> dict[str, float]:
    values = {name: _at(_read(file(source)), keys) for name, file, keys in places}
    return {name: value for name, value in values.items() if value is not None}


def _read(file: Path) -> Any:
    return store.read_json(file) if file.is_file() else {}


def _at(values: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values
