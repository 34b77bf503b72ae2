"""Steam reviews and games: gzipped lines that each hold one Python dictionary.

Source: Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018; Pathak, Gupta, McAuley,
"Generating and personalizing bundle recommendations on Steam", SIGIR 2017.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, the_only_file
from recexplainer.data.readers.python_lines import read_python_lines
from recexplainer.data.readers.raw import RawInteractions, collected, items_frame

HAS_MARKUP = True

_REVIEW = [
    Field("username", "user", "text", required=True),
    Field("product_id", "item", "text", required=True),
    Field("date", "time", "time", required=True),
]
_GAME = [
    Field("id", "raw_id", "text", required=True),
    Field("app_name", "title", "text"),
    Field("title", "other_title", "text"),
    Field("developer", "brand", "text"),
    Field("price", "price", "label"),
    Field("release_date", "date", "text"),
    Field("genres", "categories", "texts"),
    Field("specs", "features", "texts"),
]


def find_files(folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
    """The files ``steam_reviews.json`` and ``steam_games.json`` of a folder, also with ``.gz``.

    Raises:
        InputError: when one is missing or cannot be told from another.
    """
    reviews = _find(folder, "steam_reviews", "review", interactions_file, "dataset.interactions_file")
    return reviews, _find(folder, "steam_games", "game", items_file, "dataset.items_file")


def _find(folder: Path, stem: str, what: str, name: str | None, parameter: str) -> Path:
    candidates = [folder / f"{stem}.json", folder / f"{stem}.json.gz"]
    return the_only_file(folder, candidates, what, f"{stem}.json.gz", parameter, name)


def read_interactions(path: Path, bad: BadLines) -> RawInteractions:
    """Every review as an interaction: user's name, game, day (unix time in seconds); there are no ratings.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    return collected(read_python_lines(path, _REVIEW, bad))


def read_items(path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
    """The wanted games: developer as brand, genres as categories; a few have a name in ``title`` alone.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    frame = items_frame(read_python_lines(path, _GAME, bad), wanted, further_texts=("other_title",))
    frame["title"] = frame["title"].where(frame["title"] != "", frame["other_title"])
    return frame.drop(columns="other_title")
