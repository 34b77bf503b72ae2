"""The embedded demo data set: an invented catalogue of video games and users who choose for known causes.

It is written in the public Amazon review format, so that the demo enters the pipeline by the same door as real data.
The causes are written next to it and no stage of the pipeline but the evaluation of explanations may read them.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.demo.dialogues import make_dialogues
from recexplainer.demo.world import Game, World, make_world

CAUSES = ("franchise", "platform_genre", "recency", "popularity", "noise")
_CAUSE_WEIGHTS = (0.42, 0.38, 0.08, 0.07, 0.05)
_DAY = 86_400
_START = int(datetime(2012, 1, 1, tzinfo=UTC).timestamp())

# Titles that break naive parsers: a list separator, quotes, other alphabets, twins, and a slot's placeholder.
_AWKWARD_TITLES = (
    "Rust; Bone; Glory",
    'The "Quiet" Harbor',
    "Étoile du Nord",
    "星の庭 Hoshi no Niwa",
    "Twin Rivers",
    "Twin Rivers",
    "Slot <item> Machine",
)


@dataclass(frozen=True)
class Choice:
    """One interaction and the cause that the simulated user had for it."""

    user: str
    item: int  # row of the catalogue
    time: int  # unix seconds
    rating: float
    cause: str
    driver: str  # what the cause points at: the franchise, "platform / genre", the year, or ""


def make_demo(seed: int, n_users: int, n_items: int, n_dialogues: int = 400) -> dict[str, Any]:
    """Make the whole demo data set in memory.

    Returns:
        `meta` (list of metadata rows), `reviews` (list of review rows, in time order), `causes` (a frame with one
        row per
        review: reviewerID, asin, unixReviewTime, cause, driver) and `dialogues` (ShareGPT conversations about
            other worlds).
    """
    rng = np.random.default_rng(seed)
    world = demo_world(seed, n_items)
    asins = [f"B{900000 + 7 * row:07d}" for row in range(n_items)]
    choices = [choice for n in range(n_users) for choice in _simulate_user(rng, world, f"U{n + 1:05d}")]
    choices.sort(key=lambda choice: (choice.time, choice.user))
    return {
        "meta": [_meta_row(game, asin) for game, asin in zip(world.games, asins, strict=True)],
        "reviews": [_review_row(choice, world.games[choice.item], asins[choice.item]) for choice in choices],
        "causes": pd.DataFrame(
            {
                "reviewerID": [choice.user for choice in choices],
                "asin": [asins[choice.item] for choice in choices],
                "unixReviewTime": [choice.time for choice in choices],
                "cause": [choice.cause for choice in choices],
                "driver": [choice.driver for choice in choices],
            }
        ),
        "dialogues": make_dialogues(np.random.default_rng(seed + 1), n_dialogues, reserved=reserved_names(world)),
    }


def demo_world(seed: int, n_items: int) -> World:
    """The demo's catalogue, its last items carrying the awkward titles."""
    world = make_world(np.random.default_rng(seed), n_items)
    games = list(world.games)
    for game_row, title in zip(range(n_items - len(_AWKWARD_TITLES), n_items), _AWKWARD_TITLES, strict=True):
        game = games[game_row]
        games[game_row] = Game(**{**vars(game), "title": title, "franchise": title, "sequel": 0})
    return World(games, world.platforms, world.studios)


def reserved_names(world: World) -> set[str]:
    """Every name of a world that another world must not use."""
    return world.franchises | set(world.platforms) | set(world.studios)


def write_demo(folder: Path, demo: dict[str, Any]) -> None:
    """Write the raw files of a data set made by `make_demo` into an existing folder; the bytes depend on the
    content only.
    """
    _write_lines(folder / "reviews.json.gz", demo["reviews"])
    _write_lines(folder / "meta.json.gz", demo["meta"])
    (folder / "dialogues.json").write_text(
        json.dumps(demo["dialogues"], ensure_ascii=False, indent=1), encoding="utf-8"
    )
    demo["causes"].to_parquet(folder / "causes.parquet", index=False)


def _simulate_user(rng: np.random.Generator, world: World, user: str) -> list[Choice]:
    games = world.games
    platform = np.array([world.platforms.index(game.platform) for game in games])
    genres = sorted({game.genre for game in games})
    genre = np.array([genres.index(game.genre) for game in games])
    popularity = np.array([game.popularity for game in games])
    released = np.array([datetime(game.year, 1, 1, tzinfo=UTC).timestamp() for game in games])
    own_platforms = rng.dirichlet(np.full(len(world.platforms), 0.25))
    own_genres = rng.dirichlet(np.full(len(genres), 0.18))
    time = _START + int(rng.integers(0, 4 * 365)) * _DAY
    owned: list[int] = []
    choices = []
    for _ in range(int(rng.integers(9, 24))):
        if rng.random() < 0.04:  # a taste that moves on: the recent history tells more than the old one
            own_genres = rng.dirichlet(np.full(len(genres), 0.18))
        open_items = released <= time
        open_items[owned] = False
        cause = str(rng.choice(CAUSES, p=_CAUSE_WEIGHTS))
        weights = np.zeros(len(games))
        if cause == "franchise":
            weights = _sequel_weights(games, owned) * open_items
        elif cause == "recency":
            weights = np.exp(-(time - released) / (250 * _DAY)) * own_platforms[platform] * open_items
        elif cause == "popularity":
            weights = popularity**1.5 * open_items
        elif cause == "noise":
            weights = open_items.astype(float)
        if weights.sum() <= 0:  # nothing follows, or nothing is new: taste decides
            cause = "platform_genre"
        if cause == "platform_genre":
            weights = own_platforms[platform] * own_genres[genre] * popularity**0.3 * open_items
            if weights.sum() <= 0:
                cause, weights = "noise", open_items.astype(float)
        item = int(rng.choice(len(games), p=weights / weights.sum()))
        rating = float(rng.choice([1.0, 2.0, 3.0])) if cause == "noise" else float(rng.choice([4.0, 5.0]))
        choices.append(Choice(user, item, time, rating, cause, _driver(cause, games[item])))
        owned.append(item)
        time += int(rng.exponential(45) + 1) * _DAY
    return choices


def _sequel_weights(games: list[Game], owned: list[int]) -> np.ndarray:
    """Weight on the unowned games of the franchises played lately: the next sequel of the last game counts most."""
    weights = np.zeros(len(games))
    for age, row in enumerate(reversed(owned[-3:])):
        last = games[row]
        for candidate, game in enumerate(games):
            if game.franchise == last.franchise and game.sequel > last.sequel:
                weights[candidate] += 0.25**age * 0.1 ** (game.sequel - last.sequel - 1)
    return weights


def _driver(cause: str, game: Game) -> str:
    if cause == "franchise":
        return game.franchise
    if cause == "platform_genre":
        return f"{game.platform} / {game.genre}"
    return str(game.year) if cause == "recency" else ""


def _meta_row(game: Game, asin: str) -> dict[str, Any]:
    return {
        "asin": asin,
        "title": game.title,
        "brand": game.studio,
        "category": ["Video Games", game.platform, game.genre],
        "feature": game.features,
        "description": [game.description],
        "price": f"${game.price:.2f}",
    }


def _review_row(choice: Choice, game: Game, asin: str) -> dict[str, Any]:
    liked = choice.rating >= 4
    return {
        "reviewerID": choice.user,
        "asin": asin,
        "overall": choice.rating,
        "unixReviewTime": choice.time,
        "reviewText": f"{'Enjoyed' if liked else 'Did not care for'} this one on the {game.platform}.",
        "summary": "Recommended" if liked else "Not for me",
    }


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        file.write(text.encode("utf-8"))
