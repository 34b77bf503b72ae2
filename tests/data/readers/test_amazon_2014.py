from __future__ import annotations

import gzip

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import open_raw


def test_reviews_are_json_and_items_python_dictionaries(tmp_path, dataset, write_lines, review):
    write_lines(tmp_path / "reviews_Video_Games_5.json.gz", [review("u", "B1"), review("u", "B2", time=1529193601)])
    meta = [
        {"asin": "B1", "title": "It's", "price": 9.5, "brand": "Maker", "categories": [["Games", "PC"], ["Toys"]]},
        {"asin": "B2", "title": "Two", "description": "Long", "categories": ["Flat"]},
        {"asin": "B3", "title": "Nobody's"},
    ]
    (tmp_path / "meta_Video_Games.json.gz").write_bytes(gzip.compress("".join(f"{row}\n" for row in meta).encode()))
    raw = open_raw(dataset(format="amazon_2014"))
    assert raw.interactions.times.tolist() == [1529193600, 1529193601] and raw.has_markup
    items = raw.read_items({"B1", "B2"})
    assert items["title"].tolist() == ["It's", "Two"] and items["price"].tolist() == ["9.5", ""]
    assert items["categories"].tolist() == [["Games", "PC", "Toys"], ["Flat"]]
    assert items["description"].tolist() == [[], ["Long"]] and items["brand"].tolist() == ["Maker", ""]
    assert raw.item_ids() == {"B1", "B2", "B3"}


def test_what_is_missing_is_named(tmp_path, dataset):
    with pytest.raises(InputError, match=r"no review file was found \(expected reviews_<Category>.json.gz\)"):
        open_raw(dataset(format="amazon_2014"))
