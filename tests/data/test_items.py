from __future__ import annotations

import math

import pandas as pd
import pytest

from recexplainer.data.catalogue import Catalogue
from recexplainer.data.items import build_catalogue, clean_titles, parse_price
from recexplainer.data.readers.raw import ITEM_LISTS, ITEM_TEXTS


def raw_items(*rows):
    empty = dict.fromkeys(ITEM_TEXTS, "") | {name: [] for name in ITEM_LISTS}
    return pd.DataFrame([empty | row for row in rows])


def test_attributes_are_cleaned_and_unknown_ones_are_empty():
    items = raw_items(
        {
            "raw_id": "A",
            "title": "One",
            "brand": " EA&reg; ",
            "categories": ["Games", "Games", "</span></span>", "PC &amp; Mac"],
            "features": ["<b>Fast</b>", ""],
            "description": ["First.<br>", "Second."],
            "price": "$1,019.99",
        },
        {"raw_id": "B", "title": "Two"},
    )
    frame, changes, _ = build_catalogue(clean_titles(items, has_markup=True), has_markup=True)
    catalogue = Catalogue(frame)
    assert catalogue.titles == ["", "One", "Two"]
    assert catalogue.item_of_title == {"One": 1, "Two": 2}
    assert catalogue.title(0) == ""
    assert catalogue.attributes(1) == {
        "brand": "EA®",
        "categories": ["Games", "PC & Mac"],
        "features": ["Fast"],
        "description": "First. Second.",
        "price": 1019.99,
    }
    assert catalogue.attributes(2) == {
        "brand": "",
        "categories": [],
        "features": [],
        "description": "",
        "price": None,
    }
    assert changes.counts == {}
    with pytest.raises(KeyError):
        catalogue.attributes(0)


def test_changes_of_titles_are_counted_with_examples():
    rows = [{"raw_id": str(n), "title": f"  Twin {n // 2}", "brand": f"Brand {n}"} for n in range(14)]
    frame, changes, _ = build_catalogue(clean_titles(raw_items(*rows), True), True)
    assert frame["title"].is_unique
    assert changes.counts == {"white_space": 14, "twin_told_apart_by_brand": 14}
    assert len(changes.examples["white_space"]) == 5
    assert changes.examples["twin_told_apart_by_brand"][0] == {
        "raw_id": "0", "before": "Twin 0", "after": "Twin 0 (Brand 0)",
    }  # fmt: skip


def test_sentences_among_the_categories_are_features_behind_the_others_and_name_no_twin():
    sentence = "Also features six most extraordinary weapons."
    told = {"categories": ["Games", "For 1 player", sentence], "features": ["Fast", "For 1 player"]}
    rows = [{"raw_id": str(n), "title": f"Title {n}", "categories": ["Games"]} for n in range(200)]
    items = raw_items({"raw_id": "A", "title": "Twin"} | told, {"raw_id": "B", "title": "Twin"}, *rows)
    frame, _, changes = build_catalogue(clean_titles(items, False), False)
    assert frame["categories"][0] == ["Games"]
    assert frame["features"][0] == ["Fast", "For 1 player", sentence]
    assert frame["title"][0] == "Twin (Games)"
    assert changes.n_items_with_sentences == 1


def test_of_rows_with_one_id_the_first_with_a_title_counts():
    items = raw_items(
        {"raw_id": "A", "title": " "}, {"raw_id": "B", "title": "B"}, {"raw_id": "A", "title": "First"},
        {"raw_id": "A", "title": "Second"},
    )  # fmt: skip
    cleaned = clean_titles(items, has_markup=False)
    assert dict(zip(cleaned["raw_id"], cleaned["title"], strict=True)) == {"A": "First", "B": "B"}


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("$19.99", 19.99),
        ("19.99", 19.99),
        ("$5 - $7.50", 5.0),
        ("", math.nan),
        ("free", math.nan),
        ("$1.2.3", math.nan),
    ],
)
def test_prices(text, price):
    assert parse_price(text) == pytest.approx(price, nan_ok=True)
