"""Amazon 2023: JSON lines of reviews and products, and the ratings alone as CSV."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import amazon_2023, files, json_lines, open_raw
from recexplainer.data.readers.files import BadLines

CSV = "user_id,parent_asin,rating,timestamp\nAE1,B0P1,5.0,1588687728923\nAE2,0700P2,3.0,1588687728001\n"


def review(user: str, product: str, time: int = 1588687728923, **more: Any) -> dict[str, Any]:
    row = {
        "rating": 5.0,
        "title": "Such a game",
        "text": 'It is "good";<br />\nreally',
        "images": [{"small_image_url": "https://example.org/s.jpg", "attachment_type": "IMAGE"}],
        "asin": f"{product}X",
        "parent_asin": product,
        "user_id": user,
        "timestamp": time,
        "helpful_vote": 0,
        "verified_purchase": True,
    }
    return row | more


def meta(product: str, **more: Any) -> dict[str, Any]:
    row = {
        "main_category": "Video Games",
        "title": f"Title {product}",
        "average_rating": 4.8,
        "rating_number": 10,
        "features": ["Fast", "Small"],
        "description": ["A game.", "For two."],
        "price": 19.99,
        "images": [{"thumb": "https://example.org/t.jpg", "large": None, "variant": "MAIN", "hi_res": None}],
        "videos": [],
        "store": "Studio",
        "categories": ["Video Games", "PC"],
        "details": {"Release date": "January 1, 2001", "Item Weight": "1 pound", "Best Sellers Rank": {"Games": 7}},
        "parent_asin": product,
        "bought_together": None,
    }
    return row | more


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_reviews_and_the_wanted_products(tmp_path, dataset, write_lines, suffix):
    reviews = [review("AE2", "B0P1", 1588687728923, rating=4.0), review("AE1", "B0P2", 1588687728000)]
    write_lines(tmp_path / f"Video_Games.jsonl{suffix}", reviews)
    write_lines(tmp_path / f"meta_Video_Games.jsonl{suffix}", [meta("B0P2"), meta("B0P3"), meta("B0P1", store=None)])
    raw = open_raw(dataset(format="amazon_2023"))
    interactions = raw.interactions
    assert interactions.user_names[interactions.users].tolist() == ["AE2", "AE1"]
    assert interactions.item_names[interactions.items].tolist() == ["B0P1", "B0P2"], "the parent, not the variant"
    assert interactions.ratings.tolist() == [4.0, 5.0]
    assert interactions.times.tolist() == [1588687728.923, 1588687728.0], "seconds"
    items = raw.read_items({"B0P1", "B0P2"}).set_index("raw_id")
    assert items.loc["B0P2"].to_dict() == {
        "title": "Title B0P2",
        "brand": "Studio",
        "price": "19.99",
        "date": "",
        "categories": ["Video Games", "PC"],
        "features": ["Fast", "Small"],
        "description": ["A game.", "For two."],
    }
    assert items.loc["B0P1", "brand"] == "" and "B0P3" not in items.index
    assert raw.has_markup


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_ratings_alone(tmp_path, dataset, write_lines, suffix):
    path = tmp_path / f"Video_Games.csv{suffix}"
    path.write_bytes(gzip.compress(CSV.encode()) if suffix else CSV.encode())
    write_lines(tmp_path / "meta_Video_Games.jsonl.gz", [meta("B0P1")])
    interactions = open_raw(dataset(format="amazon_2023")).interactions
    assert interactions.item_names[interactions.items].tolist() == ["B0P1", "0700P2"]
    assert interactions.ratings.tolist() == [5.0, 3.0]
    assert interactions.times.tolist() == [1588687728.923, 1588687728.001]


def test_a_price_is_a_number_a_text_or_missing(tmp_path, write_lines):
    prices = {"A": 19.99, "B": 20.0, "C": 7, "D": "from 14.99", "E": "—", "F": None, "G": "", "H": 1234.5}
    rows = [meta(product, price=price) for product, price in prices.items()]
    shown = ["19.99", "20", "7", "from 14.99", "—", "", "", "1234.5"]
    path = write_lines(tmp_path / "meta_A.jsonl", rows)
    assert amazon_2023.read_items(path, set(prices), BadLines(path, 0))["price"].tolist() == shown


@pytest.mark.parametrize("prices", [[19.99, 20.0, 7, None], ["19.99", "20", "7", None], [None] * 4])
def test_the_fast_and_the_careful_path_read_the_same(tmp_path, write_lines, monkeypatch, prices):
    """A piece whose prices are all of one kind takes the fast path."""
    rows = [meta(f"P{n}", price=price) for n, price in enumerate(prices * 5)]
    path = write_lines(tmp_path / "meta_A.jsonl", rows)

    def read():
        return amazon_2023.read_items(path, {row["parent_asin"] for row in rows}, BadLines(path, 0))

    tables = []
    fast_table = json_lines._fast_table
    monkeypatch.setattr(json_lines, "_fast_table", lambda *given: tables.append(fast_table(*given)) or tables[-1])
    fast = read()
    assert tables[-1] is not None
    monkeypatch.setattr(json_lines, "_fast_table", lambda *given: None)
    for size in (300, 2**24):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        assert read().to_dict() == fast.to_dict()


def test_a_mixture_of_prices_does_not_depend_on_the_pieces(tmp_path, write_lines, monkeypatch):
    prices = [1.5, 20.0, "from 14.99", None, "", 3] * 4
    path = write_lines(tmp_path / "meta_A.jsonl", [meta(f"P{n}", price=price) for n, price in enumerate(prices)])
    for size in (10, 2000, 2**24):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        items = amazon_2023.read_items(path, {f"P{n}" for n in range(24)}, BadLines(path, 0))
        assert items["price"].tolist() == ["1.5", "20", "from 14.99", "", "", "3"] * 4


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"rating": 5.0, "parent_asin": ', "line 2: malformed JSON"),
        ('{"rating": 5.0, "asin": "B", "user_id": "U", "timestamp": 1}', "line 2: 'parent_asin' is missing"),
        ('{"rating": 5.0, "parent_asin": "B", "user_id": "", "timestamp": 1}', "line 2: 'user_id' is missing"),
        ('{"rating": null, "parent_asin": "B", "user_id": "U", "timestamp": 1}', "line 2: 'rating' is missing"),
        (
            '{"rating": 5.0, "parent_asin": "B", "user_id": "U", "timestamp": "2020-05-05 14:08:48.923"}',
            "line 2: 'timestamp' is not a number: '2020-05-05 14:08:48.923'",
        ),
        ('{"rating": 5.0, "parent_asin": "B", "user_id": {"$oid": "U"}, "timestamp": 1}', "'user_id' should be text"),
        ("[" * 100_000, "line 2: malformed JSON (nested too deeply)"),
    ],
)
def test_a_bad_line_is_named_and_a_limit_decides(tmp_path, write_lines, line, problem):
    path = write_lines(tmp_path / "A.jsonl", [review("U1", "B1"), line, review("U2", "B2")])
    with pytest.raises(InputError, match=re.escape(problem)):
        amazon_2023.read_interactions(path, BadLines(path, limit=0))
    bad = BadLines(path, limit=1)
    assert amazon_2023.read_interactions(path, bad).times.tolist() == [1588687728.923] * 2
    assert bad.count == 1 and problem in bad.examples[0]


def test_a_bad_line_of_the_ratings_is_named(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(CSV + "AE3,B0P1,good,1588687728923\n")
    with pytest.raises(InputError, match="line 4: 'rating' is not a number: 'good'"):
        amazon_2023.read_interactions(path, BadLines(path, 0))
    path.write_text("user_id,asin,rating,timestamp\nAE1,B,5.0,1\n")
    with pytest.raises(InputError, match="column 'parent_asin' is missing; line 1 names: user_id, asin"):
        amazon_2023.read_interactions(path, BadLines(path, 0))


@pytest.mark.parametrize("name", ["A.jsonl", "A.csv"])
def test_a_file_without_an_interaction_is_refused(tmp_path, dataset, write_lines, name):
    (tmp_path / name).write_text(CSV.splitlines()[0] + "\n" if name == "A.csv" else "")
    write_lines(tmp_path / "meta_A.jsonl", [meta("B")])
    with pytest.raises(InputError, match=f"{re.escape(name)}: contains no interactions"):
        open_raw(dataset(format="amazon_2023"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"no metadata file was found \(expected meta_<Category>.jsonl.gz\)"),
        (["meta_A.jsonl"], r"no review file was found \(expected A.jsonl.gz or A.csv.gz, as meta_A.jsonl says\)"),
        (["meta_A.jsonl", "B.jsonl"], "no review file was found"),
        (["meta_A.jsonl", "meta_B.jsonl", "A.jsonl"], r"more than one metadata file was found \(meta_A.*, meta_B"),
        (["meta_A.jsonl", "A.jsonl.gz", "A.csv"], r"more than one review file was found \(A.csv, A.jsonl.gz\)"),
    ],
)
def test_missing_and_ambiguous_files_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=message) as caught:
        amazon_2023.find_files(tmp_path, None, None)
    assert "\n" not in str(caught.value)


def test_a_parameter_settles_an_ambiguity(tmp_path):
    for name in ("meta_A.jsonl", "meta_B.jsonl", "B.csv", "B.jsonl"):
        (tmp_path / name).write_bytes(b"")
    assert amazon_2023.find_files(tmp_path, "B.csv", "meta_B.jsonl") == (tmp_path / "B.csv", tmp_path / "meta_B.jsonl")
