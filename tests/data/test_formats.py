"""One small world in every raw format: the stages make the same of it."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recexplainer import store
from recexplainer.data.readers import FORMATS
from recexplainer.stages import prepare, train_recommender

DAY = 86_400
N_USERS, N_ITEMS, N_TAKEN = 24, 10, 7
TITLES = {str(101 + n): f'Été "{n}"; or <item>: {"I" * (n + 1)}' for n in range(N_ITEMS)}
# Every user takes an item a day, one of three walks through the catalogue.
TAKEN = [
    (str(user), str(101 + (user + (3, 7, 9)[user % 3] * n) % N_ITEMS), (17_000 + user + n) * DAY, 1 + (user + n) % 5)
    for user in range(1, N_USERS + 1)
    for n in range(N_TAKEN)
]


def write(path: Path, content: str | bytes) -> None:
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def lines(rows: list[Any], as_text: Callable[[Any], str] = json.dumps) -> str:
    return "".join(as_text(row) + "\n" for row in rows)


def write_csv(path: Path, header: list[str], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def amazon_2014(folder: Path) -> list[str]:
    reviews = [
        {"overall": float(rating), "reviewerID": user, "asin": item, "unixReviewTime": time}
        for user, item, time, rating in TAKEN
    ]
    meta = [
        {"asin": item, "title": title, "categories": [["Games"], ["Toys", "PC"]], "price": 5.0}
        for item, title in TITLES.items()
    ]
    write(folder / "reviews_Video_Games_5.json.gz", lines(reviews))
    write(folder / "meta_Video_Games.json.gz", lines(meta, repr))
    return []


def amazon_2018(folder: Path) -> list[str]:
    reviews = [
        {"overall": float(rating), "reviewerID": user, "asin": item, "unixReviewTime": time, "reviewText": "Good"}
        for user, item, time, rating in TAKEN
    ]
    meta = [{"asin": item, "title": title, "category": ["Games"], "price": "$5.00"} for item, title in TITLES.items()]
    write(folder / "Video_Games_5.json.gz", lines(reviews))
    write(folder / "meta_Video_Games.json.gz", lines(meta))
    return []


def amazon_2023(folder: Path) -> list[str]:
    reviews = [
        {"rating": float(rating), "user_id": user, "asin": "X", "parent_asin": item, "timestamp": time * 1000 + 7}
        for user, item, time, rating in TAKEN
    ]
    write(folder / "Video_Games.jsonl.gz", lines(reviews))
    return amazon_2023_products(folder)


def amazon_2023_ratings(folder: Path) -> list[str]:
    rows = [(user, item, float(rating), time * 1000 + 7) for user, item, time, rating in TAKEN]
    write_csv(folder / "Video_Games.csv", ["user_id", "parent_asin", "rating", "timestamp"], rows)
    return amazon_2023_products(folder)


def amazon_2023_products(folder: Path) -> list[str]:
    prices = (5.5, None, "from 5.00")
    meta = [
        {"parent_asin": item, "title": title, "store": "House", "categories": ["Games"], "price": prices[n % 3]}
        for n, (item, title) in enumerate(TITLES.items())
    ]
    write(folder / "meta_Video_Games.jsonl.gz", lines(meta))
    return []


def movielens_csv(folder: Path) -> list[str]:
    ratings = [(user, item, float(rating), time) for user, item, time, rating in TAKEN]
    write_csv(folder / "ratings.csv", ["userId", "movieId", "rating", "timestamp"], ratings)
    write_csv(folder / "movies.csv", ["movieId", "title", "genres"], [(*row, "Drama|War") for row in TITLES.items()])
    return []


def movielens_1m(folder: Path) -> list[str]:
    ratings = lines(TAKEN, lambda row: f"{row[0]}::{row[1]}::{row[3]}::{row[2]}")
    movies = lines(list(TITLES.items()), lambda row: f"{row[0]}::{row[1]}::Drama|War")
    with zipfile.ZipFile(folder / "ml-1m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-1m/ratings.dat", ratings)
        archive.writestr("ml-1m/movies.dat", movies.encode("latin-1"))
    return []


def movielens_100k(folder: Path) -> list[str]:
    ratings = lines(TAKEN, lambda row: f"{row[0]}\t{row[1]}\t{row[3]}\t{row[2]}")
    genres = "|".join("1" if n in (8, 17) else "0" for n in range(19))
    movies = lines(list(TITLES.items()), lambda row: f"{row[0]}|{row[1]}|01-Jan-1995||http://x|{genres}")
    with zipfile.ZipFile(folder / "ml-100k.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-100k/u.data", ratings)
        archive.writestr("ml-100k/u.item", movies.encode("latin-1"))
    return []


def steam(folder: Path) -> list[str]:
    reviews = [
        {"username": user, "product_id": item, "page": 1, "early_access": False, "date": date_of(time)}
        for user, item, time, _ in TAKEN
    ]
    games = [{"id": item, "app_name": title, "genres": ["Indie"], "price": 4.99} for item, title in TITLES.items()]
    write(folder / "steam_reviews.json.gz", lines(reviews, repr))
    write(folder / "steam_games.json.gz", lines(games, repr))
    return []


def date_of(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def table(folder: Path) -> list[str]:
    write_csv(folder / "plays.csv", ["who", "what", "rating", "when"], [(*row[:2], row[3], row[2]) for row in TAKEN])
    write(folder / "games.jsonl", lines([{"what": item, "name": title} for item, title in TITLES.items()]))
    columns = {"user": "who", "item": "what", "time": "when", "rating": "rating", "item_key": "what", "title": "name"}
    return [
        "dataset.interactions_file=plays.csv",
        "dataset.items_file=games.jsonl",
        *(f"dataset.columns.{key}={name}" for key, name in columns.items()),
    ]


def recbole(folder: Path) -> list[str]:
    plays = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    plays += [f"{user}\t{item}\t{rating}\t{time}" for user, item, time, rating in TAKEN]
    games = ["item_id:token\tname:token_seq\tkinds:token_seq"]
    games += [f"{item}\t{title}\tDrama War" for item, title in TITLES.items()]
    write(folder / "tiny.inter", "\n".join(plays))
    write(folder / "tiny.item", "\n".join(games))
    columns = {"time": "timestamp", "rating": "rating", "title": "name", "categories": "kinds"}
    return [f"dataset.columns.{key}={name}" for key, name in columns.items()]


WORLDS = [
    ("amazon_2014", amazon_2014),
    ("amazon_2018", amazon_2018),
    ("amazon_2023", amazon_2023),
    ("amazon_2023", amazon_2023_ratings),
    ("movielens", movielens_csv),
    ("movielens", movielens_1m),
    ("movielens", movielens_100k),
    ("steam", steam),
    ("table", table),
    ("table", recbole),
]
SMALL = [
    "train_recommender.sasrec.dim=8",
    "train_recommender.sasrec.max_length=6",
    "train_recommender.sasrec.max_epochs=2",
]


def options(*assignments: str) -> list[str]:
    return [part for assignment in assignments for part in ("-S", assignment)]


def test_every_format_is_tried() -> None:
    assert {name for name, _ in WORLDS} == set(FORMATS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "write_world"), WORLDS, ids=[write.__name__ for _, write in WORLDS])
def test_a_data_set_goes_through_the_stages(project: Path, name: str, write_world: Callable[[Path], list[str]]) -> None:
    raw = project / "data/raw/tiny"
    raw.mkdir(parents=True)
    given = ["dataset.name=tiny", f"dataset.raw={raw.relative_to(project)}", f"dataset.format={name}"]
    given += ["dataset.dialogues_file=null", *write_world(raw)]
    assert prepare.main(options(*given)) == 0

    catalogue, interactions = store.read_catalogue(), store.read_interactions()
    assert catalogue.titles[1:] == list(TITLES.values())
    sequences = [[catalogue.title(item) for item in interactions.sequence(user)] for user in range(1, N_USERS + 1)]
    assert sequences == [
        [TITLES[item] for user, item, *_ in TAKEN if user == str(wanted)] for wanted in range(1, N_USERS + 1)
    ]
    assert store.read_parquet(store.INTERACTIONS)["timestamp"].tolist() == [time for _, _, time, _ in TAKEN]
    report = store.read_json(store.PREPARE_REPORT)
    assert report["has_ratings"] is (name != "steam")
    assert [report["files"][file]["bad_lines"] for file in ("interactions_file", "items_file")] == [0, 0]

    assert train_recommender.main(options(*given, "recommender.kind=sasrec", *SMALL)) == 0
    metrics = store.read_json(store.RECOMMENDER_METRICS)
    assert (metrics["n_users"], metrics["n_items"], metrics["n_interactions"]) == (N_USERS, N_ITEMS, len(TAKEN))
    assert 0 < metrics["sasrec"]["test"]["ndcg@10"] <= 1
