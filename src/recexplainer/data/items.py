"""Raw items to the catalogue's frame: clean texts, a price as a number, and a title that names each item alone."""

from __future__ import annotations

import math
import re
from itertools import chain, islice

import pandas as pd

from recexplainer.data.categories import CategoryChanges, clean_categories
from recexplainer.data.titles import TitleChanges, clean_text, clean_texts, unique_titles

_PRICE = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)(?:\s*-\s*\$?\s*\d[\d,]*(?:\.\d+)?)?")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


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
