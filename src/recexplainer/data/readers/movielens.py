"""MovieLens: ``ratings.csv`` and ``movies.csv`` (latest, 20M to 32M), ``.dat`` files (1M, 10M), or ``u.data`` (100K).

Source: Harper, Konstan, "The MovieLens datasets: history and context", ACM TiiS 5(4), 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, files_named, the_only_file
from recexplainer.data.readers.headerless import read_headerless
from recexplainer.data.readers.raw import RawInteractions, collected, items_frame

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
    Field("genres", "categories", "split_texts", separator="|"),
]
_GENRES_OF_100K = (
    *(
        "unknown",
        "Action",
        "Adventure",
        "Animation",
        "Children's",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Fantasy",
    ),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_MOVIE_OF_100K = ["movieId", "title", "release_date", "video_release_date", "url", *_GENRES_OF_100K]
_NO_GENRES = "(no genres listed)"
_SUFFIXES = (".csv", ".csv.gz", ".dat", ".dat.gz")
_NAMES_OF_100K = {"ratings": "u.data", "movies": "u.item"}


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The files ``ratings`` and ``movies`` of a folder, each with ``.csv`` or ``.dat``, also with ``.gz``.

    In the oldest set they are called ``u.data`` and ``u.item``.

    They may also be in the zip archive in which MovieLens is published.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    ratings = _find(folder, "ratings", interactions_file, "dataset.interactions_file")
    return ratings, _find(folder, "movies", items_file, "dataset.items_file")


def _find(folder: Path, stem: str, name: str | None, parameter: str) -> Path:
    old = _NAMES_OF_100K[stem]
    names = [*(f"{stem}{suffix}" for suffix in _SUFFIXES), old]
    candidates = files_named(folder, names) if name is None else []
    naming = f"{stem}.csv, {stem}.dat or {old}, also in the published zip"
    return the_only_file(folder, candidates, stem, naming, parameter, name)


def read_interactions(path: Path, bad: BadLines) -> RawInteractions:
    """Every rating as an interaction: user, movie, stars (0.5 to 5), unix time in seconds.

    Raises:
        InputError: when the file cannot be read, lacks a column or has too many bad lines.
    """
    return collected(_read(path, _RATING, bad))


def read_items(path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
    """The wanted movies, genres as categories.

    Raises:
        InputError: when the file cannot be read, lacks a column or has too many bad lines.
    """
    tables = _movies_of_100k(path, bad) if path.name == "u.item" else _read(path, _MOVIE, bad)
    frame = items_frame(tables, wanted)
    frame["categories"] = [[] if genres == [_NO_GENRES] else genres for genres in frame["categories"]]
    return frame


def _read(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    columns = [field.column for field in fields]  # without a header, a file has them in this order
    if path.name == "u.data":
        return read_headerless(path, columns, fields, bad, separator="\t")
    if path.name.removesuffix(".gz").endswith(".dat"):
        return read_headerless(path, columns, fields, bad)
    return read_delimited(path, fields, bad)


def _movies_of_100k(path: Path, bad: BadLines) -> Iterator[pa.Table]:
    """Movies whose genres are nineteen columns of 0 and 1."""
    fields = [*_MOVIE[:2], *(Field(genre, genre, "text") for genre in _GENRES_OF_100K)]
    for table in read_headerless(path, _MOVIE_OF_100K, fields, bad, separator="|"):
        named = [[genre for genre in _GENRES_OF_100K[1:] if row[genre] == "1"] for row in table.to_pylist()]
        genres = pa.array(named, pa.list_(pa.string()))
        yield table.select(["raw_id", "title"]).append_column("categories", genres)
