"""What the formats share: codes across pieces, and the items' frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Dataset
from recexplainer.data.readers import open_raw
from recexplainer.data.readers.raw import collected, items_frame


def test_codes_go_by_first_appearance_across_pieces():
    pieces = ((["b", "a", "b"], ["y", "y", "x"]), ([], []), (["c", "a"], ["x", "z"]))
    raw = collected(
        pa.table({"user": pa.array(users, pa.string()), "item": pa.array(items, pa.string())})
        for users, items in pieces
    )
    assert raw.user_names.tolist() == ["b", "a", "c"] and raw.item_names.tolist() == ["y", "x", "z"]
    assert raw.users.tolist() == [0, 1, 0, 2, 1] and raw.items.tolist() == [0, 0, 1, 1, 2]
    assert raw.users.dtype == raw.items.dtype == np.int32
    assert raw.ratings is None and raw.times is None and raw.orders is None


def test_nothing_read_is_no_interaction():
    raw = collected([])
    assert len(raw) == 0 and len(raw.user_names) == len(raw.item_names) == 0


def test_the_wanted_items_come_in_the_files_order_with_what_is_unknown_left_empty():
    texts = pa.list_(pa.string())
    schema = pa.schema([("raw_id", pa.string()), ("title", pa.string()), ("features", texts), ("extra", pa.string())])
    pieces = [
        [
            {"raw_id": "B", "title": None, "features": ["one", None, "", "two"], "extra": None},
            {"raw_id": "X", "title": "not wanted", "features": ["x"], "extra": "x"},
            {"raw_id": "A", "title": "Ä", "features": None, "extra": "e"},
        ],
        [{"raw_id": "X", "title": "", "features": [], "extra": ""}],
        [{"raw_id": "B", "title": "again", "features": [], "extra": ""}],
    ]
    tables = [pa.Table.from_pylist(rows, schema=schema) for rows in pieces]
    frame = items_frame(tables, {"A", "B", "C"}, further_texts=("extra",))
    assert frame["raw_id"].tolist() == ["B", "A", "B"]
    assert frame["title"].tolist() == ["", "Ä", "again"] and frame["extra"].tolist() == ["", "e", ""]
    assert frame["features"].tolist() == [["one", "two"], [], []]
    for name in ("brand", "price", "date"):
        assert frame[name].tolist() == ["", "", ""]
    for name in ("categories", "description"):
        assert frame[name].tolist() == [[], [], []]
    assert len(items_frame(tables, {"C"})) == 0
    assert len(items_frame([], {"C"})) == 0


def test_an_unknown_format_is_named_with_the_known_ones(dataset: Callable[..., Dataset]) -> None:
    with pytest.raises(InputError, match="dataset.format must be one of amazon_2014, .*steam, table"):
        open_raw(dataset(format="amazon"))
