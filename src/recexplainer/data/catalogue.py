"""The catalogue: what is known of each item, under a title that names it alone."""

from __future__ import annotations

import math
import re
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.data.categories import CategoryChanges, clean_categories
from recexplainer.data.titles import TitleChanges, clean_text, clean_texts, unique_titles

_PRICE = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)(?:\s*-\s*\$?\s*\d[\d,]*(?:\.\d+)?)?")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class Catalogue:
    """The items of a prepared data set, by dense id.

    Attributes:
        frame: One row per item, in the order of ``item_id`` from 1: item_id, raw_id, title, brand,
            categories, features, description, price (nan when unknown; other unknown values are empty).
        titles: Titles by item id; ``titles[0]``, the padding's, is "".
        item_of_title: The item id of each title.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        """Check the frame's promises.

        Raises:
            InputError: when ids are not dense from 1, or titles are missing or not unique.
        """
        self.frame = frame.reset_index(drop=True)
        if list(self.frame["item_id"]) != list(range(1, len(self.frame) + 1)):
            raise InputError("catalogue: item ids should be 1, 2, …, n in order; run prepare again")
        self.titles: list[str] = ["", *self.frame["title"]]
        self.item_of_title: dict[str, int] = {title: i for i, title in enumerate(self.titles) if title}
        if len(self.item_of_title) != len(self.frame):
            raise InputError("catalogue: titles must be unique and not empty; run prepare again")

    @property
    def n_items(self) -> int:
        """Number of items, without the padding."""
        return len(self.titles) - 1

    def title(self, item_id: int) -> str:
        """An item's title; "" for the padding."""
        return self.titles[item_id]

    def attributes(self, item_id: int) -> dict[str, Any]:
        """An item's brand, categories, features, description and price (None when unknown)."""
        if not 1 <= item_id <= self.n_items:
            raise KeyError(f"unknown item id {item_id}: ids range from 1 to {self.n_items}")
        brand, categories, features, description, price = (column[item_id - 1] for column in self._columns)
        return {
            "brand": brand,
            "categories": list(categories),
            "features": list(features),
            "description": description,
            "price": None if math.isnan(price) else float(price),
        }

    @cached_property
    def _columns(self) -> list[np.ndarray]:
        """The attributes as arrays: to take a row of the frame for each item is a hundred times as slow."""
        return [self.frame[name].to_numpy() for name in ("brand", "categories", "features", "description", "price")]


def clean_titles(items: pd.DataFrame, has_markup: bool) -> pd.DataFrame:
    """Raw items with clean titles, one row per raw id: of several rows the first with a title counts.

    Args:
        items: Raw items as the readers give them.
        has_markup: Whether texts may hold HTML.

    Returns:
        The frame, in which an item without a title has "", with the further columns ``raw_title`` and
        ``changes`` (the kinds of change that the title needed).
    """
    cleaned = [clean_text(title, has_markup) for title in items["title"]]
    frame = items.assign(raw_title=items["title"], title=[title for title, _ in cleaned])
    frame["changes"] = [kinds for _, kinds in cleaned]
    titled_first = frame.iloc[(frame["title"] == "").to_numpy().argsort(kind="stable")]
    return titled_first.drop_duplicates("raw_id").sort_index().reset_index(drop=True)


def build_catalogue(items: pd.DataFrame, has_markup: bool) -> tuple[pd.DataFrame, TitleChanges, CategoryChanges]:
    """The catalogue's frame, in the order given: ids from 1, unique titles; and what titles and categories needed.

    Args:
        items: Items as ``clean_titles`` gives them, all with a title.
        has_markup: Whether texts may hold HTML.
    """
    brands = clean_texts(list(items["brand"]), has_markup)
    categories, told_there, of_categories = clean_categories(_clean_lists(items["categories"], has_markup))
    features = _joined(_clean_lists(items["features"], has_markup), told_there)
    attributes = [
        {"brand": [brand] if brand else [], "category": names, "year": _YEAR.findall(date)[-1:]}
        for brand, names, date in zip(brands, categories, items["date"], strict=True)
    ]
    titles, told_apart_by = unique_titles(list(items["title"]), list(items["raw_id"]), attributes)
    frame = pd.DataFrame(
        {
            "item_id": range(1, len(items) + 1),
            "raw_id": list(items["raw_id"]),
            "title": titles,
            "brand": brands,
            "categories": categories,
            "features": features,
            "description": [" ".join(texts) for texts in _clean_lists(items["description"], has_markup)],
            "price": [parse_price(text) for text in items["price"]],
        }
    ).astype({"item_id": "int32", "price": "float64"})
    return frame, _changes(items, titles, told_apart_by), of_categories


def _changes(items: pd.DataFrame, titles: list[str], told_apart_by: list[str | None]) -> TitleChanges:
    changes = TitleChanges()
    rows = zip(items["raw_id"], items["raw_title"], items["title"], items["changes"], strict=True)
    for (raw_id, before, clean, kinds), unique, kind in zip(rows, titles, told_apart_by, strict=True):
        for change in kinds:
            changes.add(change, raw_id, before, clean)
        if kind is not None:
            changes.add(f"twin_told_apart_by_{kind}", raw_id, clean, unique)
    return changes


def parse_price(text: str) -> float:
    """A price as text, in its own currency; of a range the lower end; nan for anything else.

    >>> parse_price("$1,019.99"), parse_price("$5.00 - $9.99"), parse_price(".a-box{width:1}")
    (1019.99, 5.0, nan)
    """
    match = _PRICE.fullmatch(text.strip())
    return float(match[1].replace(",", "")) if match else math.nan


def _clean_lists(lists: pd.Series, has_markup: bool) -> list[list[str]]:
    """Each list's clean texts without the empty ones and without repeats, in order."""
    clean = iter(clean_texts(list(chain.from_iterable(lists)), has_markup))
    return [list(dict.fromkeys(filter(None, islice(clean, len(texts))))) for texts in lists]


def _joined(lists: list[list[str]], more: list[list[str]]) -> list[list[str]]:
    return [list(dict.fromkeys(texts + added)) for texts, added in zip(lists, more, strict=True)]
