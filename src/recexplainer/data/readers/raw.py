"""What every reader hands over, still with raw ids: interactions as coded arrays, items as one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

ITEM_TEXTS = ("title", "brand", "price", "date")
ITEM_LISTS = ("categories", "features", "description")


@dataclass(frozen=True)
class RawInteractions:
    """Interactions in the order of the raw file.

    Attributes:
        user_names: Raw user ids, str, by code; a name may have no interaction left.
        item_names: Raw item ids, str, by code.
        users: int32 (n_interactions,), codes into ``user_names``.
        items: int32 (n_interactions,), codes into ``item_names``.
        ratings: float32 (n_interactions,), or None where the data has none.
        times: float64 (n_interactions,), in the data's own unit, or None.
        orders: float64 (n_interactions,), a position that overrides the time, or None.
    """

    user_names: np.ndarray
    item_names: np.ndarray
    users: np.ndarray
    items: np.ndarray
    ratings: np.ndarray | None
    times: np.ndarray | None
    orders: np.ndarray | None

    def __len__(self) -> int:
        """Number of interactions."""
        return len(self.users)

    def keep(self, mask: np.ndarray) -> RawInteractions:
        """The interactions where a bool array (n_interactions,) is true, in the same order."""
        return replace(
            self,
            users=self.users[mask],
            items=self.items[mask],
            ratings=None if self.ratings is None else self.ratings[mask],
            times=None if self.times is None else self.times[mask],
            orders=None if self.orders is None else self.orders[mask],
        )

    def present_items(self) -> np.ndarray:
        """The codes of the items with at least one interaction, ascending."""
        return np.flatnonzero(np.bincount(self.items, minlength=len(self.item_names)))

    def present_users(self) -> np.ndarray:
        """The codes of the users with at least one interaction, ascending."""
        return np.flatnonzero(np.bincount(self.users, minlength=len(self.user_names)))


@dataclass(frozen=True)
class RawData:
    """A raw data set, opened.

    Attributes:
        interactions: All usable interactions.
        read_items: Reads the items whose raw ids are given: a frame of ``raw_id``, the texts of ITEM_TEXTS
            ("" when unknown) and the lists of ITEM_LISTS, in the raw file's order; a raw id may appear more
            than once.
        dialogues: General dialogues, see ``readers.sharegpt``.
        has_markup: Whether texts may hold HTML.
        report: What was read and what was not, for report.json; ``read_items`` adds to it.
    """

    interactions: RawInteractions
    read_items: Callable[[set[str]], pd.DataFrame]
    dialogues: list[dict[str, Any]]
    has_markup: bool
    report: dict[str, Any] = field(default_factory=dict)


class InteractionCollector:
    """Turns tables of raw interactions into coded arrays, piece by piece."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._users, self._items = _Coder(), _Coder()
        self._numbers: dict[str, list[np.ndarray]] = {}

    def add(self, table: pa.Table) -> None:
        """Take one table of columns user, item and any of rating, time, order."""
        self._users.add(table.column("user"))
        self._items.add(table.column("item"))
        for name, kind in (("rating", np.float32), ("time", np.float64), ("order", np.float64)):
            if name in table.column_names:
                self._numbers.setdefault(name, []).append(table.column(name).to_numpy().astype(kind))

    def finish(self) -> RawInteractions:
        """All that was added."""
        numbers = {name: np.concatenate(parts) for name, parts in self._numbers.items()}
        return RawInteractions(
            user_names=self._users.names(),
            item_names=self._items.names(),
            users=self._users.codes(),
            items=self._items.codes(),
            ratings=numbers.get("rating"),
            times=numbers.get("time"),
            orders=numbers.get("order"),
        )


class _Coder:
    """Codes of texts, numbered by first appearance."""

    def __init__(self) -> None:
        self._code_of: dict[str, int] = {}
        self._parts: list[np.ndarray] = []

    def add(self, column: pa.ChunkedArray) -> None:
        for chunk in column.chunks:
            encoded = chunk.dictionary_encode()
            known = self._code_of
            codes = [known.setdefault(name, len(known)) for name in encoded.dictionary.to_pylist()]
            if codes:
                self._parts.append(np.array(codes, dtype=np.int32)[encoded.indices.to_numpy()])

    def names(self) -> np.ndarray:
        return np.array(list(self._code_of), dtype=object)

    def codes(self) -> np.ndarray:
        return np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.int32)


def items_frame(tables: Iterable[pa.Table], wanted: set[str], further_texts: tuple[str, ...] = ()) -> pd.DataFrame:
    """The wanted items of tables that have ``raw_id`` and any of ITEM_TEXTS and ITEM_LISTS, as one frame.

    ``further_texts`` are columns of one format alone, which its reader takes up.
    """
    wanted_ids = pa.array(sorted(wanted), type=pa.string())
    parts = [table.filter(pc.is_in(table.column("raw_id"), value_set=wanted_ids)) for table in tables]
    parts = [part for part in parts if part.num_rows]
    columns: dict[str, list[Any]] = pa.concat_tables(parts).to_pydict() if parts else {"raw_id": []}
    n_rows = len(columns["raw_id"])
    frame: dict[str, Any] = {"raw_id": columns["raw_id"]}
    for name in (*ITEM_TEXTS, *further_texts):
        frame[name] = [text or "" for text in columns.get(name, [""] * n_rows)]
    for name in ITEM_LISTS:
        frame[name] = [[part for part in parts or [] if part] for parts in columns.get(name, [[]] * n_rows)]
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in frame.items()})
