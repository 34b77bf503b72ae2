"""MovieLens as published since 2015: ``ratings.csv`` and ``movies.csv``.

Source: Harper, Konstan, "The MovieLens datasets: history and context", ACM TiiS 5(4), 2015.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, named_file, the_only_file
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


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The rating file and the movie file of a folder: ``ratings.csv`` and ``movies.csv``, also with ``.gz``.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    ratings = _find(folder, "ratings", interactions_file, "dataset.interactions_file")
    return ratings, _find(folder, "movies", items_file, "dataset.items_file")


def _find(folder: Path, stem: str, name: str | None, parameter: str) -> Path:
    if name is not None:
        return named_file(folder, name, parameter)
    candidates = [folder / f"{stem}.csv", folder / f"{stem}.csv.gz"]
    return the_only_file(folder, candidates, stem, f"{stem}.csv", parameter)


def read_interactions(path: Path, bad: BadLines) -> RawInteractions:
    """Every rating as an interaction: user, movie, stars (0.5 to 5), unix time in seconds.

    Raises:
        InputError: when the file cannot be read, lacks a column or has too many bad lines.
    """
    collector = InteractionCollector()
    for table in read_delimited(path, _RATING, bad):
        collector.add(table)
    return collector.finish()


def read_items(path: Path, wanted: set[str], bad: BadLines) -> pd.DataFrame:
    """The wanted movies, genres as categories.

    Raises:
        InputError: when the file cannot be read, lacks a column or has too many bad lines.
    """
    frame = items_frame(read_delimited(path, _MOVIE, bad), wanted)
    frame["categories"] = [[] if genres == [_NO_GENRES] else genres for genres in frame["categories"]]
    return frame
