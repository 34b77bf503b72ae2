"""MovieLens: ``ratings.csv`` and ``movies.csv`` (latest, 20M to 32M) or ``ratings.dat`` and ``movies.dat`` (1M, 10M).

Source: Harper, Konstan, "The MovieLens datasets: history and context", ACM TiiS 5(4), 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.double_colon import read_double_colon
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, files_named, named_file, the_only_file
from recexplainer.data.readers.raw import InteractionCollector, RawInteractions, items_frame

HAS_MARKUP = False

_RATING = [
    Field("userId", "user", "text", required=True),
    Field("movieId", "item", "text", required=True),
    Field("rating", "rating", "number", required=True),
    Field("timestamp", "time", "number", required=True),
]
_MOVIE = [
    Field("movieId", "raw_id", "text", required=True),
    Field("title", "title", "text"),
    Field("genres", "categories", "split_texts"),
]
_NO_GENRES = "(no genres listed)"
_SUFFIXES = (".csv", ".csv.gz", ".dat", ".dat.gz")


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The files ``ratings`` and ``movies`` of a folder, each with ``.csv`` or ``.dat``, also with ``.gz``.

    They may also lie in the zip archive in which MovieLens is published.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    ratings = _find(folder, "ratings", interactions_file, "dataset.interactions_file")
    return ratings, _find(folder, "movies", items_file, "dataset.items_file")


def _find(folder: Path, stem: str, name: str | None, parameter: str) -> Path:
    if name is not None:
        return named_file(folder, name, parameter)
    candidates = files_named(folder, [f"{stem}{suffix}" for suffix in _SUFFIXES])
    return the_only_file(folder, candidates, stem, f"{stem}.csv or {stem}.dat, also in the published zip", parameter)


def read_interactions(path: Path, bad: BadLines) -> RawInteractions:
    """Every rating as an interaction: user, movie, stars (0.5 to 5), unix time in seconds.

    Raises:
        InputError: when the file cannot be read, lacks a column or has too many bad lines.
    """
    collector = InteractionCollector()
    for table in _read(path, _RATING, bad):
        collector.add(table)
    return collector.finish()


def read_items(path: Path, wanted: set[str], bad: BadLines) -> pd.DataFrame:
    """The wanted movies, genres as categories.

    Raises:
        InputError: when the file cannot be read, lacks a column or has too many bad lines.
    """
    frame = items_frame(_read(path, _MOVIE, bad), wanted)
    frame["categories"] = [[] if genres == [_NO_GENRES] else genres for genres in frame["categories"]]
    return frame


def _read(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    if path.name.removesuffix(".gz").endswith(".dat"):  # without a header: its columns are the fields, in this order
        return read_double_colon(path, [field.column for field in fields], fields, bad)
    return read_delimited(path, fields, bad)
