"""The catalogue: what is known of each item, under a title that names it alone."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError


class Catalogue:
    """The items of a prepared data set, by dense id.

    Attributes:
        frame: One row per item, in the order of ``item_id`` from 1: item_id, raw_id, title, brand,
            categories, features, description, price (nan when unknown; other unknown values are empty).
        titles: Titles by item id; ``titles[0]``, the padding's, is "".
        item_of_title: The item id of each title.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        """Check the frame's promises.

        Raises:
            InputError: when ids are not dense from 1, or titles are missing or not unique.
        """
        self.frame = frame.reset_index(drop=True)
        if list(self.frame["item_id"]) != list(range(1, len(self.frame) + 1)):
            raise InputError("catalogue: item ids should be 1, 2, …, n in order; run prepare again")
        self.titles: list[str] = ["", *self.frame["title"]]
        self.item_of_title: dict[str, int] = {title: i for i, title in enumerate(self.titles) if title}
        if len(self.item_of_title) != len(self.frame):
            raise InputError("catalogue: titles must be unique and not empty; run prepare again")

    @property
    def n_items(self) -> int:
        """Number of items, without the padding."""
        return len(self.titles) - 1

    def title(self, item_id: int) -> str:
        """An item's title; "" for the padding."""
        return self.titles[item_id]

    def attributes(self, item_id: int) -> dict[str, Any]:
        """An item's brand, categories, features, description and price (None when unknown)."""
        if not 1 <= item_id <= self.n_items:
            raise KeyError(f"unknown item id {item_id}: ids range from 1 to {self.n_items}")
        brand, categories, features, description, price = (column[item_id - 1] for column in self._columns)
        return {
            "brand": brand,
            "categories": list(categories),
            "features": list(features),
            "description": description,
            "price": None if math.isnan(price) else float(price),
        }

    @cached_property
    def _columns(self) -> list[np.ndarray]:
        """The attributes as arrays: to take a row of the frame for each item is a hundred times as slow."""
        return [self.frame[name].to_numpy() for name in ("brand", "categories", "features", "description", "price")]
