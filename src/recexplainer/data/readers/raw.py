"""What every reader hands over, still with raw ids: interactions as coded arrays, items as one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recexplainer.core.errors import InputError

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
        times: float64 (n_interactions,), in the data's own unit, or None; int64 where a float would not hold it.
        orders: The same of a position that overrides the time, or None.
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
        item_ids: Reads the raw ids of all items.
    """

    interactions: RawInteractions
    read_items: Callable[[set[str]], pd.DataFrame]
    dialogues: list[dict[str, Any]]
    has_markup: bool
    report: dict[str, Any] = field(default_factory=dict)
    item_ids: Callable[[], set[str]] = set


def collected(tables: Iterable[pa.Table]) -> RawInteractions:
    """The rows of tables with the columns user, item and any of rating, time, order, as coded arrays."""
    users: list[pa.DictionaryArray] = []
    items: list[pa.DictionaryArray] = []
    numbers: dict[str, list[np.ndarray]] = {}
    for table in tables:
        users += table.column("user").dictionary_encode().chunks
        items += table.column("item").dictionary_encode().chunks
        for name in ("rating", "time", "order"):
            if name in table.column_names:
                values = table.column(name).to_numpy()
                numbers.setdefault(name, []).append(values.astype(np.float32) if name == "rating" else values)
    joined = {name: _joined(parts, name) for name, parts in numbers.items()}
    (user_names, user_codes), (item_names, item_codes) = _coded(users), _coded(items)
    return RawInteractions(
        user_names=user_names,
        item_names=item_names,
        users=user_codes,
        items=item_codes,
        ratings=joined.get("rating"),
        times=joined.get("time"),
        orders=joined.get("order"),
    )


def _joined(parts: list[np.ndarray], name: str) -> np.ndarray:
    """All pieces of a column; where one has whole numbers that a float cannot hold, the others' have to be whole.

    Raises:
        InputError: when they are not.
    """
    if any(part.dtype == np.int64 for part in parts):
        if not all((part == np.floor(part)).all() for part in parts if part.dtype != np.int64):
            raise InputError(f"column of {name}: mixes whole numbers above 2^53 with fractions")
        parts = [part.astype(np.int64) for part in parts]
    return np.concatenate(parts)


def _coded(parts: list[pa.DictionaryArray]) -> tuple[np.ndarray, np.ndarray]:
    """Names, numbered by first appearance, and every row's code, of arrays that have each its own numbers."""
    if not parts:
        return np.zeros(0, dtype=object), np.zeros(0, dtype=np.int32)
    chunks = pa.chunked_array(parts).unify_dictionaries().chunks
    names = chunks[-1].dictionary.to_numpy(zero_copy_only=False)
    return names, np.concatenate([chunk.indices.to_numpy() for chunk in chunks])


def items_frame(
    tables: Iterable[pa.Table], wanted: set[str] | None, further_texts: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The wanted items of tables that have ``raw_id`` and any of ITEM_TEXTS and ITEM_LISTS, as one frame.

    Without ``wanted`` it is every item, with nothing but its id. ``further_texts`` are columns of one format alone,
    which its reader takes up.
    """
    if wanted is None:
        parts = [table.select(["raw_id"]) for table in tables]
    else:
        ids = pa.array(sorted(wanted), type=pa.string())
        parts = [table.filter(pc.is_in(table.column("raw_id"), value_set=ids)) for table in tables]
    table = pa.concat_tables([pa.table({"raw_id": pa.array([], pa.string())}), *parts], promote_options="default")
    frame = {"raw_id": table.column("raw_id").to_numpy()}
    for name in (*ITEM_TEXTS, *further_texts):
        frame[name] = _texts(table, name)
    for name in ITEM_LISTS:
        frame[name] = _lists(table, name)
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in frame.items()})


def _texts(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names:
        return np.full(table.num_rows, "", dtype=object)
    return pc.fill_null(table.column(name), "").to_numpy()


def _lists(table: pa.Table, name: str) -> list[list[str]]:
    if name not in table.column_names:
        return [[] for _ in range(table.num_rows)]
    column = table.column(name)
    texts = iter(pc.list_flatten(column).to_numpy())
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_pylist()
    return [list(filter(None, islice(texts, length))) for length in lengths]
