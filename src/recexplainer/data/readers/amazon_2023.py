"""The Amazon review data of 2023: JSON lines of reviews and of item metadata, joined by the parent product.

Source: Hou et al., "Bridging language and items for retrieval and recommendation", 2024 (Amazon Reviews 2023).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, the_only_file
from recexplainer.data.readers.json_lines import read_json_lines
from recexplainer.data.readers.raw import RawInteractions, collected, items_frame

HAS_MARKUP = True

_REVIEW = [
    Field("user_id", "user", "text", required=True),
    Field("parent_asin", "item", "text", required=True),
    Field("rating", "rating", "number", required=True),
    Field("timestamp", "time", "number", required=True),
]
_META = [
    Field("parent_asin", "raw_id", "text", required=True),
    Field("title", "title", "text"),
    Field("store", "brand", "text"),
    Field("price", "price", "label"),
    Field("categories", "categories", "texts"),
    Field("features", "features", "texts"),
    Field("description", "description", "texts"),
]
_REVIEW_SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz")


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The review file and the metadata file of a folder.

    By name: the metadata is ``meta_<Category>.jsonl``, the reviews are ``<Category>.jsonl``, or the ratings alone
    as ``<Category>.csv``, as the k-core files come; each also with ``.gz``.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    found = [*folder.glob("meta_*.jsonl"), *folder.glob("meta_*.jsonl.gz")]
    items = the_only_file(folder, found, "metadata", "meta_<Category>.jsonl.gz", "dataset.items_file", items_file)
    category = items.name.split(".")[0].removeprefix("meta_")
    found = [folder / f"{category}{suffix}" for suffix in _REVIEW_SUFFIXES]
    naming = f"{category}.jsonl.gz or {category}.csv.gz, as {items.name} says"
    return the_only_file(folder, found, "review", naming, "dataset.interactions_file", interactions_file), items


def read_interactions(path: Path, bad: BadLines) -> RawInteractions:
    """Every review as an interaction: user, parent product, stars (1 to 5), unix time in seconds.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    is_csv = path.name.removesuffix(".gz").endswith(".csv")
    reviews = collected(read_delimited(path, _REVIEW, bad) if is_csv else read_json_lines(path, _REVIEW, bad))
    return reviews if reviews.times is None else replace(reviews, times=reviews.times / 1000)  # from milliseconds


def read_items(path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
    """The metadata of the wanted products; the store's name is the brand.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    return items_frame(read_json_lines(path, _META, bad), wanted)
