"""The prepared data: interactions, catalogue, users, dialogues, and the causes that a data set may know."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.store.paths import CATALOGUE, DIALOGUES, INTERACTIONS, RAW_DEMO_CAUSES, USERS
from recexplainer.store.tables import read_parquet, write_parquet
from recexplainer.store.texts import read_jsonl, write_jsonl

if TYPE_CHECKING:
    import pandas as pd

    from recexplainer.data.catalogue import Catalogue
    from recexplainer.data.interactions import Interactions

INTERACTION_COLUMNS = ("user_id", "item_id", "position")
CATALOGUE_COLUMNS = ("item_id", "raw_id", "title", "brand", "categories", "features", "description", "price")
USER_COLUMNS = ("user_id", "raw_id", "split")
CAUSE_COLUMNS = ("reviewerID", "asin", "cause", "driver")


def write_interactions(frame: pd.DataFrame, path: Path | str = INTERACTIONS) -> None:
    """Write interactions: dense ids, sorted by user and position; ``rating``, ``timestamp`` are optional."""
    dtypes = {"user_id": "int32", "item_id": "int32", "position": "int32"}
    optional = {"rating": "float32", "timestamp": "int64"}
    columns = [*dtypes, *(name for name in optional if name in frame.columns)]
    typed = frame[columns].astype({name: (dtypes | optional)[name] for name in columns})
    write_parquet(path, typed.sort_values(["user_id", "position"], kind="stable"))


def read_interactions(path: Path | str = INTERACTIONS, n_items: int | None = None) -> Interactions:
    """Read interactions; without ``n_items`` the catalogue next to the file gives the number of items."""
    from recexplainer.data.interactions import Interactions

    frame = read_parquet(path, INTERACTION_COLUMNS)
    if n_items is None:
        beside = Path(path).with_name(CATALOGUE.name)
        n_items = len(read_parquet(beside, ("item_id",))) if beside.exists() else int(frame["item_id"].max())
    return Interactions.from_frame(frame, n_items)


def write_catalogue(frame: pd.DataFrame, path: Path | str = CATALOGUE) -> None:
    """Write the catalogue: one row per item, in the order of ``item_id`` from 1."""
    write_parquet(path, frame[list(CATALOGUE_COLUMNS)].astype({"item_id": "int32", "price": "float64"}))


def read_catalogue(path: Path | str = CATALOGUE) -> Catalogue:
    """Read the catalogue."""
    from recexplainer.data.catalogue import Catalogue

    return Catalogue(read_parquet(path, CATALOGUE_COLUMNS))


def copy_catalogue(folder: Path) -> None:
    """Put the catalogue next to a model that has to name its items."""
    shutil.copyfile(CATALOGUE, folder / CATALOGUE.name)


def write_users(frame: pd.DataFrame, path: Path | str = USERS) -> None:
    """Write the users with their split."""
    write_parquet(path, frame[list(USER_COLUMNS)].astype({"user_id": "int32"}))


def read_users(path: Path | str = USERS) -> pd.DataFrame:
    """Read the users: ``user_id``, ``raw_id``, ``split`` (train, valid or test)."""
    return read_parquet(path, USER_COLUMNS)


def read_raw_ids() -> dict[str, list[str]]:
    """The ids that items and users have in the raw data: ``raw_item_ids`` and ``raw_user_ids``, by dense id from 1."""
    tables = {"raw_item_ids": (CATALOGUE, "item_id"), "raw_user_ids": (USERS, "user_id")}
    frames = {name: read_parquet(path, (key, "raw_id")).sort_values(key) for name, (path, key) in tables.items()}
    return {name: frame["raw_id"].astype(str).tolist() for name, frame in frames.items()}


def read_item_texts() -> list[str]:
    """What is written of each item, by dense id from 1: its title, then its brand and each category as one word."""
    frame = read_parquet(CATALOGUE, ("item_id", "title", "brand", "categories")).sort_values("item_id")
    rows = zip(frame["title"], frame["brand"], frame["categories"], strict=True)
    return [
        " ".join([title, *(_one_word(name) for name in (brand, *categories) if name)])
        for title, brand, categories in rows
    ]


def _one_word(name: str) -> str:
    return "is_" + "_".join(re.findall(r"\w+", name))


def write_dialogues(rows: Iterable[dict[str, Any]], path: Path | str = DIALOGUES) -> None:
    """Write general dialogues: ``id`` and ``turns`` of ``role`` and ``content``."""
    write_jsonl(path, rows)


def read_dialogues(path: Path | str = DIALOGUES) -> list[dict[str, Any]]:
    """Read general dialogues; an empty list where the data set has none."""
    return read_jsonl(path, ("id", "turns"))


def read_causes(raw: Path | str) -> pd.DataFrame | None:
    """Why the users of a data set made each choice, where its raw folder says so; None for real data."""
    path = Path(raw) / RAW_DEMO_CAUSES.name
    return read_parquet(path, CAUSE_COLUMNS) if path.exists() else None
