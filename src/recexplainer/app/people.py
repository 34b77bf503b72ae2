"""Whose history is looked at: users by their raw ids, by an item that they had, or by what their explanations show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recexplainer import store
from recexplainer.app.models import Models
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.data.interactions import Interactions
from recexplainer.explaining.names import RAW
from recexplainer.explaining.respond import Responder

Telling = dict[str, list[Explanation]]  # by a heading, one explanation of each case that is worth seeing
MEASURED = ("explanation_id", "cited_items", "carrying_items_shift")  # of an explanation, by `faithfulness`
DISAGREE, UNFAITHFUL = "Where modes disagree", "Where a text is unfaithful"


@dataclass(frozen=True)
class People:
    """The users of the prepared data.

    Attributes:
        interactions: Their histories.
        raw_ids: Their ids in the raw data; the first is user 1's.
        telling: Stored explanations of cases that are worth seeing.
    """

    interactions: Interactions
    raw_ids: list[str]
    telling: Telling

    def find(self, raw_id: str) -> int:
        """The user with a raw id.

        Raises:
            InputError: There is none.
        """
        wanted = raw_id.strip().removeprefix(f"{RAW}:")
        if wanted not in self.raw_ids:
            raise InputError(f"no user has the raw id {wanted!r}; one is {self.raw_ids[0]!r}")
        return self.raw_ids.index(wanted) + 1

    def with_item(self, item: int, n: int) -> list[int]:
        """The first `n` users whose history holds an item."""
        places = np.flatnonzero(self.interactions.item_ids == item)
        users = np.unique(np.searchsorted(self.interactions.offsets, places, side="right") - 1)
        return users[:n].tolist()

    def history(self, user_id: int, position: int | None = None) -> list[int]:
        """A user's items, oldest first: all, or the first `position` ones."""
        return self.interactions.history(user_id, position)


def read_people(models: Models) -> People | None:
    """The users of the working folder's prepared data, with what `explain` and `faithfulness` left there.

    Returns:
        None where there are no prepared data.

    Raises:
        InputError: A file is damaged, or the data are not those of the models.
    """
    if not store.INTERACTIONS.exists():
        return None
    if not store.read_catalogue().frame["raw_id"].equals(models.catalogue.frame["raw_id"]):
        raise InputError(
            f"{store.CATALOGUE}: is not the catalogue of {models.versions[0]}; check out its commit and data"
        )
    stored = [source for source in models.responders if store.explanations(source).exists()]
    explanations = {source: _said_by(models.responders[source], store.read_explanations(source)) for source in stored}
    paths = {source: path for source in stored if (path := store.faithfulness_rows(source)).exists()}
    rows = {source: store.read_parquet(path, MEASURED) for source, path in paths.items()}
    telling = {DISAGREE: disagreements(explanations), UNFAITHFUL: unfaithful(explanations, rows)}
    return People(store.read_interactions(), store.read_users()["raw_id"].astype(str).tolist(), telling)


def _said_by(responder: Responder, records: Sequence[Explanation]) -> list[Explanation]:
    """What the opened version said: others may agree where it does not."""
    return [record for record in records if record.model == responder.origin.as_record()]


def disagreements(explanations: Mapping[str, Sequence[Explanation]]) -> list[Explanation]:
    """An explanation of each case on which the verdicts of LLMs differ."""
    by_case: dict[tuple[int, int, int], list[Explanation]] = {}
    for records in explanations.values():
        for record in records:
            by_case.setdefault(record.case, []).append(record)
    return [found[0] for found in by_case.values() if len({record.verdict for record in found}) > 1]


def unfaithful(
    explanations: Mapping[str, Sequence[Explanation]], rows: Mapping[str, pd.DataFrame]
) -> list[Explanation]:
    """One explanation of each case on which an LLM argues for another verdict than the recommender's, or names an item
    that carries nothing of the decision.

    Args:
        explanations: Those of each source.
        rows: What `faithfulness` measured of them.
    """
    found: dict[tuple[int, int, int], Explanation] = {}
    for source, records in explanations.items():
        idle = _naming_idle_items(rows[source]) if source in rows else set()
        telling = (record for record in records if record.verdict != record.label or record.explanation_id in idle)
        found |= {record.case: record for record in telling}
    return list(found.values())


def _naming_idle_items(table: pd.DataFrame) -> set[str]:
    cited = zip(table["explanation_id"], table["cited_items"], table["carrying_items_shift"], strict=True)
    return {explanation_id for explanation_id, named, carrying in cited if not set(named) <= set(carrying)}
