"""Whether a text names what drove the user, in a world that knows: platform, genre or franchise of the next choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from recexplainer.citations.attributes import AttributeIndex, speaks_of_series
from recexplainer.citations.citations import Citations
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.statistics.p_values import p_value_of_matching
from recexplainer.data.interactions import Interactions

KINDS = {"platform_genre": ("platform", "genre"), "franchise": ("franchise",)}  # what a cause's driver points at
ALL_KINDS = ("platform", "genre", "franchise")
N_PERMUTATIONS = 2000


@dataclass(frozen=True)
class Cause:
    """Why a user took an item: by kind what the cause points at (empty for recency, popularity and noise)."""

    drivers: Mapping[str, str]
    item_id: int


@dataclass(frozen=True)
class KnownCauses:
    """The causes of the choices that came next.

    Attributes:
        of_records: Per explanation the cause of the choice that its user made at its position; None if unknown.
        values: Every platform, genre and franchise that drove any choice of the data set.
    """

    of_records: list[Cause | None]
    values: dict[str, frozenset[str]]


def known_causes(
    frame: pd.DataFrame,
    records: Sequence[Explanation],
    interactions: Interactions,
    raw_user_ids: Sequence[str],
    raw_item_ids: Sequence[str],
) -> KnownCauses:
    """Look up the cause of each explained user's next choice.

    Args:
        frame: One row per choice: reviewerID, asin, cause, driver. No user takes an item twice.
        records: Explanation records, with user_id and position.
        interactions: The prepared sequences.
        raw_user_ids: Raw ids by dense id from 1.
        raw_item_ids: The same of the items.
    """
    drivers = [_drivers(cause, driver) for cause, driver in zip(frame["cause"], frame["driver"], strict=True)]
    of_choice = dict(zip(zip(frame["reviewerID"], frame["asin"], strict=True), drivers, strict=True))
    found: list[Cause | None] = []
    for record in records:
        sequence = interactions.sequence(record.user_id)
        cause = None
        if record.position < len(sequence):
            item_id = int(sequence[record.position])
            choice = raw_user_ids[record.user_id - 1], raw_item_ids[item_id - 1]
            cause = Cause(of_choice[choice], item_id) if choice in of_choice else None
        found.append(cause)
    values = {kind: frozenset(own[kind] for own in drivers if kind in own) for kind in ALL_KINDS}
    return KnownCauses(found, values)


def cause_figures(
    records: Sequence[Explanation],
    causes: KnownCauses,
    citations: Sequence[Citations],
    named: Sequence[frozenset[int]],
    index: AttributeIndex,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """By kind (platform, genre, franchise), how often a text names it when it drove the user.

    Only items that the recommender would recommend are looked at, and of those each item that bears the driver of the
    choice which its user made next: there the recommender followed the cause, and a text that knows says so.

    Returns:
        Per kind `n` such explanations, `n_chosen` of them about the very item that was chosen, `named`: the share that
        names the item's platform (genre, franchise); and two controls. `shuffled`: the share of other users' texts
        that name it, with `p_value_over_shuffled` from texts permuted among these cases. `named_otherwise`: the share
        of `n_otherwise` texts that name it although another cause drove the user, with Fisher's exact `p_value` that
        it is named no more often when it did. A text that always names the genre beats the first and not the second.
    """
    stated = [
        own | series_told(record.text, found, index)
        for record, found, own in zip(records, citations, named, strict=True)
    ]
    rng = np.random.default_rng(seed)
    return {kind: _kind_figures(kind, records, causes, stated, index, rng) for kind in ALL_KINDS}


def _kind_figures(
    kind: str,
    records: Sequence[Explanation],
    causes: KnownCauses,
    stated: Sequence[frozenset[int]],
    index: AttributeIndex,
    rng: np.random.Generator,
) -> dict[str, Any]:
    known = {number for value in causes.values[kind] if (number := index.number_of(value)) is not None}
    drove: list[int] = []
    otherwise: list[int] = []
    values: dict[int, int] = {}
    for row, (record, cause) in enumerate(zip(records, causes.of_records, strict=True)):
        own = index.of_item[record.item_id] & known
        if record.label != "Yes" or cause is None or not own:
            continue
        values[row] = min(own)  # an item has one platform, one genre and one franchise
        if kind not in cause.drivers:
            otherwise.append(row)
        elif index.number_of(cause.drivers[kind]) in own:
            drove.append(row)
    names = np.array([[values[row] in stated[other] for other in values] for row in drove], dtype=bool)
    places = {row: place for place, row in enumerate(values)}
    own_texts = np.array([places[row] for row in drove], dtype=int)
    hits = [values[row] in stated[row] for row in drove]
    misses = [values[row] in stated[row] for row in otherwise]
    users = np.array([records[row].user_id for row in values])
    others = users[own_texts][:, None] != users[None, :] if drove else np.zeros((0, len(values)), dtype=bool)
    return {
        "n": len(drove),
        "n_chosen": sum(cause.item_id == records[row].item_id for row in drove if (cause := causes.of_records[row])),
        "named": float(np.mean(hits)) if hits else None,
        "shuffled": float(names[others].mean()) if others.any() else None,
        "p_value_over_shuffled": p_value_of_matching(names[:, own_texts], rng, N_PERMUTATIONS)
        if len(drove) > 1
        else None,
        "n_otherwise": len(otherwise),
        "named_otherwise": float(np.mean(misses)) if misses else None,
        "p_value": _fisher(hits, misses) if hits and misses else None,
    }


def _fisher(hits: list[bool], misses: list[bool]) -> float:
    table = [[sum(group), len(group) - sum(group)] for group in (hits, misses)]
    return float(fisher_exact(table, alternative="greater").pvalue)


def series_told(text: str, citations: Citations, index: AttributeIndex) -> frozenset[int]:
    """The series that a text tells by speaking of a series and citing its games."""
    titles = [(mention.start, mention.end) for mention in citations.mentions]
    if not speaks_of_series(text, titles):
        return frozenset()
    cited = {mention.item_id for mention in citations.mentions if mention.kind in ("history", "catalogue")}
    series = {index.series_of_item[item_id] for item_id in cited if item_id is not None}
    return frozenset(number for number in series if number is not None)


def _drivers(cause: str, driver: str) -> dict[str, str]:
    kinds = KINDS.get(cause, ())
    return dict(zip(kinds, driver.split(" / ") if len(kinds) > 1 else [driver], strict=False))
