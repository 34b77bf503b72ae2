from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.explaining.names import ItemNames
from tests import tiny

TITLES = ["Go (Sega)", "Go (Sony)", "Go On", "Toy (1995)", "5", "title:x"]


def awkward() -> Catalogue:
    """Twins, a year in parentheses, and raw ids and titles that look like numbers and prefixes."""
    frame = (
        tiny.catalogue().frame.iloc[: len(TITLES)].assign(title=TITLES, raw_id=["B1", "B2", "7", "id:1", "x:y", "é"])
    )
    return Catalogue(pd.DataFrame(frame))


@pytest.mark.parametrize(
    ("name", "item"),
    [
        (3, 3), (3.0, 3), ("id:3", 3), ("7", 3), ("raw:7", 3), ("raw:id:1", 4), ("x:y", 5), ("raw:é", 6),
        ("title:Go On", 3), ("title: go ON!", 3), ("title:Toy", 4), ("title:toy (1995)", 4), ("title:title:x", 6),
        ("title:5", 5), ("title:Go (Sony)", 2),
    ],
)  # fmt: skip
def test_an_item_is_found_by_each_of_its_names(name: Any, item: int) -> None:
    assert ItemNames(awkward()).find(name, "item") == item


NUMBER = "expected a whole number from 1 to 6, or a raw id or title:<title> as text, got "


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (0, f"{NUMBER}0"), (7, f"{NUMBER}7"), (2.5, f"{NUMBER}2.5"), (True, f"{NUMBER}true"), (None, f"{NUMBER}null"),
        ([3], f"{NUMBER}a list"), ("id:9", f"{NUMBER}9"), ("id:x", f"{NUMBER}'x'"), ("id:-1", f"{NUMBER}'-1'"),
        ("id:" + "9" * 400, f"{NUMBER}'{'9' * 39}…'"),
        ("B9", "the catalogue has no item with the raw id 'B9'"),
        ("", "the catalogue has no item with the raw id ''"),
        ("4", "the catalogue has no item with the raw id '4'; the catalogue's id is written as a number, or id:4"),
        ("Go On", "the catalogue has no item with the raw id 'Go On'; it is a title: write 'title:Go On'"),
        ("title:go", "2 items have the title 'go': 'Go (Sega)' (raw:B1), 'Go (Sony)' (raw:B2); name one of them"),
        ("title:Go Onn", "no item has the title 'Go Onn'; did you mean 'Go On'?"),
        ("title:Qqq", "no item has the title 'Qqq'"),
        ("title:", "no item has the title ''"),
        ("title:\ud800", r"no item has the title '\ud800'"),
    ],
)  # fmt: skip
def test_what_names_no_item_or_several_is_one_clear_line(name: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        ItemNames(awkward()).find(name, "item in row 1")
    assert str(caught.value) == f"item in row 1: {message}"


def test_a_message_lists_a_few_of_many_items() -> None:
    frame = tiny.catalogue().frame
    many = ItemNames(Catalogue(frame.assign(title=[f"Go ({raw_id})" for raw_id in frame["raw_id"]])))
    with pytest.raises(InputError, match=r"12 items have the title 'Go': .*\(raw:B4\) and 8 more; name one of them$"):
        many.find("title:Go", "item")
