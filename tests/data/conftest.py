"""Tiny raw data sets: every test writes the files that it reads, in exactly the public formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer.core.settings import Columns, Dataset, Prepare, Split
from recexplainer.data.readers.raw import RawInteractions


@pytest.fixture
def columns() -> Callable[..., Columns]:
    def make(**changes: Any) -> Columns:
        names: dict[str, Any] = {
            "user": "user_id",
            "item": "item_id",
            "item_key": "item_id",
            "title": "title",
        }
        for name in ("order", "time", "rating", "brand", "categories", "description"):
            names[name] = None
        return Columns(**names | changes)

    return make


@pytest.fixture
def dataset(tmp_path: Path, columns: Callable[..., Columns]) -> Callable[..., Dataset]:
    """Dataset settings; the raw folder is tmp_path."""

    def make(**changes: Any) -> Dataset:
        values: dict[str, Any] = {
            "name": "tiny",
            "raw": str(tmp_path),
            "item_noun": "item",
            "format": "amazon_2018",
            "interactions_file": None,
            "items_file": None,
            "dialogues_file": None,
            "columns": columns(),
            "delimiter": None,
            "encoding": None,
            "quoting": None,
            "categories_separator": None,
            "max_bad_lines": 0,
        }
        return Dataset(**values | changes)

    return make


@pytest.fixture
def prepare_settings() -> Callable[..., Prepare]:
    def make(**changes: Any) -> Prepare:
        values: dict[str, Any] = {
            "min_rating": 0.0,
            "k_core": 0,
            "untitled_items": "drop",
            "max_items": None,
            "max_users": None,
            "min_user_items": 3,
            "max_lost": 1.0,
            "split": Split(train=1.0, valid=0.0, test=0.0),
        }
        return Prepare(**values | changes)

    return make


@pytest.fixture
def raw_interactions() -> Callable[..., RawInteractions]:
    """Raw interactions from (user, item, time) or (user, item, time, rating) rows."""

    def make(rows: list[tuple[Any, ...]]) -> RawInteractions:
        users = list(dict.fromkeys(row[0] for row in rows))
        items = list(dict.fromkeys(row[1] for row in rows))
        return RawInteractions(
            user_names=np.array(users, dtype=object),
            item_names=np.array(items, dtype=object),
            users=np.array([users.index(row[0]) for row in rows], dtype=np.int32),
            items=np.array([items.index(row[1]) for row in rows], dtype=np.int32),
            ratings=np.array([row[3] for row in rows], dtype=np.float32) if rows and len(rows[0]) > 3 else None,
            times=np.array([row[2] for row in rows], dtype=np.float64),
            orders=None,
        )

    return make


@pytest.fixture
def write_lines() -> Callable[[Path, list[Any]], Path]:
    """Write JSON lines (a str is written as it is), gzipped where the name ends in .gz."""

    def write(path: Path, rows: list[Any]) -> Path:
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
        return path

    return write


@pytest.fixture
def review() -> Callable[..., dict[str, Any]]:
    """One line of an Amazon 2018 review file."""

    def make(user: str, item: str, time: int = 1529193600, stars: float = 5.0, **more: Any) -> dict[str, Any]:
        row = {
            "overall": stars,
            "verified": True,
            "reviewTime": "06 17, 2018",
            "reviewerID": user,
            "asin": item,
            "style": {"Format:": " Disc"},
            "reviewText": 'It is "good";\nreally',
            "summary": "Five Stars",
            "unixReviewTime": time,
        }
        return row | more

    return make


@pytest.fixture
def meta() -> Callable[..., dict[str, Any]]:
    """One line of an Amazon 2018 metadata file."""

    def make(item: str, title: str | None = None, **more: Any) -> dict[str, Any]:
        row = {
            "category": ["Video Games", "PC"],
            "tech1": "",
            "description": ["A game."],
            "title": title if title is not None else f"Title {item}",
            "also_buy": ["B1", "B2"],
            "brand": "Studio",
            "feature": [],
            "rank": ">#1 in Games",
            "details": {"ASIN: ": item},
            "main_cat": "Video Games",
            "date": "",
            "price": "$19.99",
            "asin": item,
        }
        return row | more

    return make
