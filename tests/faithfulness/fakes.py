"""Recommenders whose answers can be worked out by hand, and a small catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from recexplainer.core.records.explanation import Explanation
from recexplainer.data.catalogue import Catalogue
from recexplainer.recommenders.base import Recommender
from tests.records import make_explanation


def make_catalogue(items: Sequence[dict[str, Any] | str]) -> Catalogue:
    """A catalogue of titles, or of dicts with a title and some attributes."""
    rows = []
    for number, item in enumerate(items, start=1):
        known = {"title": item} if isinstance(item, str) else item
        rows.append(
            {
                "item_id": number,
                "raw_id": f"R{number}",
                "brand": "",
                "categories": [],
                "features": [],
                "description": "",
                "price": float("nan"),
            }
            | known
        )
    return Catalogue(pd.DataFrame(rows))


def make_record(catalogue: Catalogue | None = None, **changes: Any) -> Explanation:
    """An explanation, changed where the test says so; its text is about the games, or another catalogue."""
    return make_explanation(catalogue or make_games(), **changes)


class AdditiveRecommender(Recommender):
    """The score of an item is a sum over the history: weight[history item, item]; positions do not matter."""

    kind = "additive-for-tests"
    has_vectors = False

    def __init__(self, weight: Tensor) -> None:
        super().__init__(n_items=weight.shape[1] - 1, dim=0, max_length=1000)
        self.register_buffer("weight", weight.float())

    def config(self) -> dict[str, Any]:
        return {}

    def _score(self, item_ids: Tensor) -> Tensor:
        return (self.weight[item_ids] * (item_ids > 0)[..., None]).sum(dim=1)


class NewestRecommender(Recommender):
    """The score of item i + 1 is 1 when item i stands in the newest place; all other scores are 0."""

    kind = "newest-for-tests"
    has_vectors = False

    def __init__(self, n_items: int) -> None:
        super().__init__(n_items=n_items, dim=0, max_length=1000)
        self.register_buffer("nothing", torch.zeros(1))

    def config(self) -> dict[str, Any]:
        return {}

    def _score(self, item_ids: Tensor) -> Tensor:
        scores = torch.zeros(len(item_ids), self.n_items + 1)
        newest = item_ids[:, -1]
        rows = torch.nonzero((newest > 0) & (newest < self.n_items))[:, 0]
        scores[rows, newest[rows] + 1] = 1.0
        return scores


@cache
def make_games() -> Catalogue:
    """Twelve games, with titles that break naive parsers."""

    def game(title: str, brand: str, platform: str, genre: str) -> dict[str, Any]:
        categories = ["Video Games", platform, genre]
        return {
            "title": title,
            "brand": brand,
            "categories": categories,
            "features": [f"Genre: {genre}", f"Platform: {platform}", "Players: co-op"],
        }

    return make_catalogue(
        [
            game("Ember Crown", "Crown Works", "Nova 64", "Role-Playing"),  # 1
            game("Ember Crown II - Nova 64", "Crown Works", "Nova 64", "Role-Playing"),  # 2
            game("Iron Drift - Nova 64", "Fox Labs", "Nova 64", "Racing"),  # 3
            game("Iron Drift II", "Fox Labs", "Orbit 2", "Racing"),  # 4
            game('The "Quiet" Harbor', "Fox Labs", "Orbit 2", "Puzzle"),  # 5
            game("Rust; Bone; Glory", "Crown Works", "Orbit 2", "Shooter"),  # 6
            game("Étoile du Nord", "Crown Works", "Orbit 2", "Puzzle"),  # 7
            game("Slot <item> Machine", "Fox Labs", "Nova 64", "Simulation"),  # 8
            game("星の庭 Hoshi no Niwa", "Fox Labs", "Nova 64", "Adventure"),  # 9
            game("Journey", "Fox Labs", "Orbit 2", "Adventure"),  # 10
            game("Silent Valley", "Fox Labs", "Orbit 2", "Horror"),  # 11
            game("Twin Rivers (Fox Labs)", "Fox Labs", "Orbit 2", "Horror"),  # 12
        ]
    )
