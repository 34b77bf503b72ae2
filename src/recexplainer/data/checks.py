"""Checks of prepared data that stop the pipeline: what they forbid would make every later figure wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.data.splits import SPLITS


def check_prepared(interactions: pd.DataFrame, catalogue: pd.DataFrame, users: pd.DataFrame) -> None:
    """Refuse prepared data that breaks a promise of the schemas.

    Args:
        interactions: user_id, item_id, position, and rating, timestamp where known.
        catalogue: One row per item.
        users: One row per user with its split.

    Raises:
        InputError: for an item without title or with another's, the padding's id, an unknown item or user,
            a user on two sides, or a time that runs backwards.
    """
    _check_catalogue(catalogue)
    _check_users(users)
    if (interactions["item_id"] == PADDING_ID).any() or (interactions["user_id"] == PADDING_ID).any():
        raise InputError(f"prepared interactions: id {PADDING_ID} is reserved for padding and cannot be a user or item")
    sequences = Interactions.from_frame(interactions, n_items=len(catalogue))
    if sequences.n_users != len(users):
        raise InputError(f"prepared interactions: {sequences.n_users} users have a history, {len(users)} are listed")
    if "timestamp" in interactions:
        _check_time(interactions, users)


def _check_catalogue(catalogue: pd.DataFrame) -> None:
    if list(catalogue["item_id"]) != list(range(1, len(catalogue) + 1)):
        raise InputError(f"prepared catalogue: item ids should be 1 to {len(catalogue)} in this order")
    titles = catalogue["title"]
    bad = catalogue[titles.isna() | (titles.str.strip() == "")]
    if len(bad):
        raise InputError(f"prepared catalogue: item '{bad['raw_id'].iloc[0]}' has no title")
    twins = catalogue[titles.duplicated()]
    if len(twins):
        raise InputError(f"prepared catalogue: two items have the title '{twins['title'].iloc[0]}'")


def _check_users(users: pd.DataFrame) -> None:
    on_two_sides = users[users["raw_id"].duplicated()]
    if len(on_two_sides):
        raise InputError(f"prepared users: user '{on_two_sides['raw_id'].iloc[0]}' is listed twice")
    unknown = users[~users["split"].isin(SPLITS)]
    if len(unknown):
        raise InputError(f"prepared users: unknown split '{unknown['split'].iloc[0]}'")
    if list(users["user_id"]) != list(range(1, len(users) + 1)):
        raise InputError(f"prepared users: user ids should be 1 to {len(users)} in this order")


def _check_time(interactions: pd.DataFrame, users: pd.DataFrame) -> None:
    user_ids, times = interactions["user_id"].to_numpy(), interactions["timestamp"].to_numpy()
    backwards = np.flatnonzero((np.diff(user_ids) == 0) & (np.diff(times) < 0))
    if len(backwards):
        row = int(backwards[0]) + 1
        raw_id = users["raw_id"].iloc[int(user_ids[row]) - 1]
        raise InputError(
            f"prepared interactions: time runs backwards for user '{raw_id}' at position"
            f" {interactions['position'].iloc[row]} ({times[row - 1]} then {times[row]}), for"
            f" {len(backwards)} pairs of rows in all; correct dataset.columns.order or leave it out"
        )
