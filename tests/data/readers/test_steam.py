"""Steam reviews and games, in the Python literals in which they are published."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import open_raw, steam
from recexplainer.data.readers.files import BadLines


def literal(values: dict[str, Any]) -> str:
    """As Python 2 writes a dictionary of unicode texts."""

    def shown(value):
        if isinstance(value, str):
            return "u" + ascii(value)
        return f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else repr(value)

    return "{" + ", ".join(f"u{key!r}: {shown(value)}" for key, value in values.items()) + "}"


def review(user: str, game: str, date: str = "2017-12-17", **more: Any) -> str:
    row = {
        "username": user,
        "hours": 0.1,
        "products": 41,
        "product_id": game,
        "page_order": 0,
        "date": date,
        "text": 'Good, isn\'t it?\n10/10 \u2605 "wow" \\o/',
        "early_access": False,
        "page": 1,
    }
    return literal(row | more)


def game(raw_id: str, **more: Any) -> str:
    row = {
        "publisher": "House",
        "genres": ["Action", "Design &amp; Illustration"],
        "app_name": f"Game {raw_id}",
        "title": f"Game {raw_id}",
        "url": f"http://example.org/app/{raw_id}/",
        "release_date": "2018-01-04",
        "tags": ["Strategy", "Indie"],
        "discount_price": 4.49,
        "specs": ["Single-player", "Co-op"],
        "price": 4.99,
        "early_access": False,
        "id": raw_id,
        "developer": "Studio \xc9",
    }
    return literal({key: value for key, value in (row | more).items() if value is not None})


def write(path, lines):
    text = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_reviews_and_the_wanted_games(tmp_path, dataset, suffix):
    write(tmp_path / f"steam_reviews.json{suffix}", [
        review("Chaos \u661f", "20", user_id="76561198000000000", found_funny=2), review("bo", "10", "2011-03-01"),
    ])  # fmt: skip
    write(tmp_path / f"steam_games.json{suffix}", [game("10"), game("30"), game("20", price="Free To Play")])
    raw = open_raw(dataset(format="steam"))
    interactions = raw.interactions
    assert interactions.user_names[interactions.users].tolist() == ["Chaos 星", "bo"]
    assert interactions.item_names[interactions.items].tolist() == ["20", "10"]
    days = [datetime(2017, 12, 17, tzinfo=UTC), datetime(2011, 3, 1, tzinfo=UTC)]
    assert interactions.times.tolist() == [day.timestamp() for day in days]
    assert interactions.ratings is None
    items = raw.read_items({"10", "20"}).set_index("raw_id")
    assert items.loc["10"].to_dict() == {
        "title": "Game 10",
        "brand": "Studio É",
        "price": "4.99",
        "date": "2018-01-04",
        "categories": ["Action", "Design &amp; Illustration"],
        "features": ["Single-player", "Co-op"],
        "description": [],
    }
    assert items["price"].tolist() == ["4.99", "Free To Play"]
    assert raw.has_markup


def test_a_name_may_stand_in_the_title_alone_or_nowhere(tmp_path):
    path = write(tmp_path / "steam_games.json", [
        game("1", app_name=None, title="Only &amp; here"), game("2", app_name=None, title=None),
        game("3", app_name="The first", title="The second"), literal({"id": "4"}),
    ])  # fmt: skip
    items = steam.read_items(path, set("1234"), BadLines(path, 0))
    assert items["title"].tolist() == ["Only &amp; here", "", "The first", ""]
    assert "other_title" not in items.columns
    assert items.iloc[3]["brand"] == "" and items.iloc[3]["categories"] == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (review("u", "10", "yesterday"), "line 2: 'date' is neither a number nor an ISO date: 'yesterday'"),
        (review("", "10"), "line 2: 'username' is missing"),
        (review("u", "10", "__import__('os')").replace('u"__import__(\'os\')"', "__import__('os')"),
         "line 2: malformed Python literal (not a literal)"),
        ('{"username": "u", "product_id": "10", "date": "2017-12-17", "early_access": false}',
         "line 2: malformed Python literal (not a literal)"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_a_limit_decides(tmp_path, line, problem):
    path = write(tmp_path / "steam_reviews.json", [review("a", "10"), line, review("b", "10")])
    with pytest.raises(InputError) as caught:
        steam.read_interactions(path, BadLines(path, 0))
    assert problem in str(caught.value)
    assert len(steam.read_interactions(path, BadLines(path, 1))) == 2


def test_a_game_without_an_id_is_a_bad_line(tmp_path):
    path = write(tmp_path / "steam_games.json", [game("10"), literal({"app_name": "Lost"})])
    bad = BadLines(path, 1)
    assert steam.read_items(path, {"10"}, bad)["raw_id"].tolist() == ["10"]
    assert bad.examples == ["line 2: 'id' is missing"]


def test_missing_ambiguous_and_empty_files_are_one_clear_line(tmp_path, dataset):
    with pytest.raises(InputError, match=r"no review file was found \(expected steam_reviews.json.gz\)"):
        open_raw(dataset(format="steam"))
    write(tmp_path / "steam_reviews.json", [])
    with pytest.raises(InputError, match=r"no game file was found .*; or name it in dataset.items_file"):
        open_raw(dataset(format="steam"))
    write(tmp_path / "steam_games.json", [game("10")])
    with pytest.raises(InputError, match=r"steam_reviews.json: contains no interactions$"):
        open_raw(dataset(format="steam"))
    write(tmp_path / "steam_reviews.json.gz", [review("a", "10")])
    with pytest.raises(InputError, match=r"more than one review file was found \(steam_reviews.json, steam_rev"):
        open_raw(dataset(format="steam"))
    assert len(open_raw(dataset(format="steam", interactions_file="steam_reviews.json.gz")).interactions) == 1
