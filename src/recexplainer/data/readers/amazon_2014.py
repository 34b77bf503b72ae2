"""The Amazon review data of 2014: gzipped JSON lines of reviews; of items, lines that each hold a Python dictionary.

Source: McAuley, Targett, Shi, van den Hengel, "Image-based recommendations on styles and substitutes", SIGIR 2015.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recexplainer.data.readers.amazon_2018 import read_interactions
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, the_only_file
from recexplainer.data.readers.python_lines import read_python_lines
from recexplainer.data.readers.raw import items_frame

__all__ = ["HAS_MARKUP", "find_files", "read_interactions", "read_items"]

HAS_MARKUP = True

_META = [
    Field("asin", "raw_id", "text", required=True),
    Field("title", "title", "text"),
    Field("brand", "brand", "text"),
    Field("price", "price", "label"),
    Field("categories", "categories", "nested_texts"),
    Field("description", "description", "texts"),
]


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The files ``reviews_<Category>_5.json`` or ``reviews_<Category>.json``, and ``meta_<Category>.json``.

    Each may also end in ``.gz``.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    reviews = _find(folder, "reviews", "review", interactions_file, "dataset.interactions_file")
    return reviews, _find(folder, "meta", "metadata", items_file, "dataset.items_file")


def _find(folder: Path, stem: str, what: str, name: str | None, parameter: str) -> Path:
    candidates = [*folder.glob(f"{stem}_*.json"), *folder.glob(f"{stem}_*.json.gz")]
    return the_only_file(folder, candidates, what, f"{stem}_<Category>.json.gz", parameter, name)


def read_items(path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
    """The metadata of the wanted items; the lists of categories, one for each place in the shop, are joined.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    return items_frame(read_python_lines(path, _META, bad), wanted)
