"""The Amazon review data of 2018: gzipped JSON lines of reviews and of item metadata.

Source: Ni, Li, McAuley, "Justifying recommendations using distantly-labeled reviews", EMNLP 2019; the
5-core and the full files have the same keys.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, the_only_file
from recexplainer.data.readers.json_lines import read_json_lines
from recexplainer.data.readers.raw import RawInteractions, collected, items_frame

HAS_MARKUP = True

_REVIEW = [
    Field("reviewerID", "user", "text", required=True),
    Field("asin", "item", "text", required=True),
    Field("overall", "rating", "number", required=True),
    Field("unixReviewTime", "time", "number", required=True),
]
_META = [
    Field("asin", "raw_id", "text", required=True),
    Field("title", "title", "text"),
    Field("brand", "brand", "text"),
    Field("price", "price", "text"),
    Field("date", "date", "text"),
    Field("category", "categories", "texts"),
    Field("feature", "features", "texts"),
    Field("description", "description", "texts"),
]
# Pages that were scraped in the middle of a script carry it in the title's place; the data's authors say to
# drop them.
_SCRIPT_IN_TITLE = "getTime()"


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The review file and the metadata file of a folder.

    By name: reviews are ``reviews.json``, ``*_5.json`` or ``<Category>.json``, the metadata is
    ``meta.json`` or ``meta_<Category>.json``, each also with ``.gz``.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    found = [*_both(folder, "meta"), *folder.glob("meta_*.json"), *folder.glob("meta_*.json.gz")]
    naming = "meta.json.gz or meta_<Category>.json.gz"
    items = the_only_file(folder, found, "metadata", naming, "dataset.items_file", items_file)
    found = [*_both(folder, "reviews"), *folder.glob("*_5.json"), *folder.glob("*_5.json.gz")]
    category = items.name.split(".")[0].removeprefix("meta_")
    found += [path for path in _both(folder, category) if path != items]
    naming = "reviews.json.gz, <Category>_5.json.gz or <Category>.json.gz"
    found = [path for path in found if not path.name.startswith("meta_")]
    return the_only_file(folder, found, "review", naming, "dataset.interactions_file", interactions_file), items


def _both(folder: Path, stem: str) -> list[Path]:
    return [folder / f"{stem}.json", folder / f"{stem}.json.gz"]


def read_interactions(path: Path, bad: BadLines) -> RawInteractions:
    """Every review as an interaction: reviewer, item, stars (1 to 5), unix time in seconds (whole days).

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    return collected(read_json_lines(path, _REVIEW, bad))


def read_items(path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
    """The metadata of the wanted items; a title that is a piece of a page's script is taken as unknown.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    frame = items_frame(read_json_lines(path, _META, bad), wanted)
    frame.loc[frame["title"].str.contains(_SCRIPT_IN_TITLE, regex=False), "title"] = ""
    frame["brand"] = [_brand(text) for text in frame["brand"]]
    return frame


def _brand(text: str) -> str:
    """The brand without the "by" that some pages put on a line before it."""
    first, line_break, rest = text.strip().partition("\n")
    return rest.strip() if line_break and first.strip().lower() == "by" else text
