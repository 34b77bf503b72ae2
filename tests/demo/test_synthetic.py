from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recexplainer.demo.synthetic import CAUSES, demo_world, make_demo, reserved_names, write_demo
from recexplainer.demo.world import Game

N_USERS, N_ITEMS = 40, 80


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    return make_demo(seed=4, n_users=N_USERS, n_items=N_ITEMS, n_dialogues=25)


@pytest.fixture(scope="module")
def games() -> list[Game]:
    return demo_world(4, N_ITEMS).games


def rows_of(demo: dict[str, Any]) -> pd.DataFrame:
    """Causes with the row of each item in the catalogue."""
    row = {meta["asin"]: number for number, meta in enumerate(demo["meta"])}
    return demo["causes"].assign(item=[row[asin] for asin in demo["causes"]["asin"]])


def test_the_bytes_depend_on_the_seed_alone(tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((1, 1, 2)):
        (tmp_path / str(number)).mkdir()
        write_demo(tmp_path / str(number), make_demo(seed, 5, 60, 3))
        written.append({path.name: path.read_bytes() for path in (tmp_path / str(number)).iterdir()})
    assert set(written[0]) == {"reviews.json.gz", "meta.json.gz", "dialogues.json", "causes.parquet"}
    assert written[0] == written[1]
    assert all(written[0][name] != written[2][name] for name in written[0])


def test_sizes_and_the_public_format(demo: dict[str, Any], tmp_path: Path) -> None:
    write_demo(tmp_path, demo)
    lines = gzip.decompress((tmp_path / "reviews.json.gz").read_bytes()).decode().splitlines()
    assert [json.loads(line) for line in lines] == demo["reviews"]
    assert set(demo["reviews"][0]) == {"reviewerID", "asin", "overall", "unixReviewTime", "reviewText", "summary"}
    assert set(demo["meta"][0]) == {"asin", "title", "brand", "category", "feature", "description", "price"}
    assert len(demo["meta"]) == N_ITEMS == len({meta["asin"] for meta in demo["meta"]})
    per_user = pd.DataFrame(demo["reviews"]).groupby("reviewerID").size()
    assert len(per_user) == N_USERS and per_user.min() >= 9 and per_user.max() <= 23
    assert len(demo["dialogues"]) == 25


def test_awkward_titles_are_there(demo: dict[str, Any]) -> None:
    titles = [meta["title"] for meta in demo["meta"]]
    for part in ("; ", '"', "<item>", "É", "星"):
        assert any(part in title for title in titles), part
    assert titles.count("Twin Rivers") == 2


def test_nothing_is_bought_twice_or_before_its_release(demo: dict[str, Any], games: list[Game]) -> None:
    frame = rows_of(demo)
    assert not frame.duplicated(["reviewerID", "asin"]).any()
    assert not frame.duplicated(["reviewerID", "unixReviewTime"]).any()  # one order in time
    years = pd.to_datetime(frame["unixReviewTime"], unit="s").dt.year
    assert all(games[item].year <= year for item, year in zip(frame["item"], years, strict=True))


def test_causes_stand_beside_the_reviews_and_are_true(demo: dict[str, Any], games: list[Game]) -> None:
    frame = rows_of(demo)
    reviews = pd.DataFrame(demo["reviews"])
    keys = ["reviewerID", "asin", "unixReviewTime"]
    assert frame[keys].equals(reviews[keys])
    assert set(frame["cause"]) == set(CAUSES)
    for _, rows in frame.sort_values("unixReviewTime").groupby("reviewerID"):
        owned: list[Game] = []
        for item, cause, driver in zip(rows["item"], rows["cause"], rows["driver"], strict=True):
            game = games[item]
            if cause == "franchise":  # one of the three games before it is an earlier one of the series
                assert driver == game.franchise
                assert any(g.franchise == driver and g.sequel < game.sequel for g in owned[-3:])
            if cause == "platform_genre":
                assert driver == f"{game.platform} / {game.genre}"
            if cause == "recency":
                assert driver == str(game.year)
            assert (driver == "") == (cause in ("popularity", "noise"))
            owned.append(game)
    noise = reviews["overall"][frame["cause"] == "noise"]
    assert noise.max() <= 3 and reviews["overall"][frame["cause"] != "noise"].min() >= 4


def test_taste_is_a_taste(demo: dict[str, Any], games: list[Game]) -> None:
    """Users keep to few platforms; shuffled over users they would not."""
    frame = rows_of(demo)
    platforms = np.array([games[item].platform for item in frame["item"]])
    users = frame["reviewerID"].to_numpy()

    def share(values: np.ndarray) -> float:
        return float(
            np.mean([max(np.unique(values[users == u], return_counts=True)[1]) / sum(users == u) for u in set(users)])
        )

    assert share(platforms) > share(np.random.default_rng(0).permutation(platforms)) + 0.15


def test_the_dialogues_speak_of_other_worlds(demo: dict[str, Any]) -> None:
    names = reserved_names(demo_world(4, N_ITEMS)) | {meta["title"] for meta in demo["meta"]}
    text = json.dumps(demo["dialogues"], ensure_ascii=False)
    used = {name for name in names if f'"{name}"' in text or f"\\n{name} (" in text or f" for the {name}," in text}
    assert not used
