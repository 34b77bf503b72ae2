from __future__ import annotations

import pytest

from recexplainer.core.errors import InputError
from recexplainer.explaining.cases import Wanted
from recexplainer.explaining.selection import parse_items, parse_users
from tests import tiny


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("7", [7]),
        ("7, 2 7", [7, 2]),
        ("raw:U3 1", [3, 1]),
        ("test", [5, 10]),
        ("valid,5", [4, 9, 5]),
        ("all", list(range(1, 11))),
    ],
)
def test_users(text: str, ids: list[int]) -> None:
    assert parse_users(text, tiny.users()) == ids


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("top", Wanted([], True, False)),
        ("bottom top", Wanted([], True, True)),
        ("B2 id:4 title:fox", Wanted([2, 4, 8], False, False)),
        ("6 raw:B2,6", Wanted([6, 2], False, False)),
        ('"title:Rust; Bone; Glory" top', Wanted([3], True, False)),
        ("title:'The \"Quiet\" Harbor'", Wanted([4], False, False)),
    ],
)
def test_items(text: str, wanted: Wanted) -> None:
    assert parse_items(text, tiny.catalogue()) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("11", "users: unknown id 11; ids range from 1 to 10"),
        ("0", "users: unknown id 0; ids range from 1 to 10"),
        ("raw:U99", "users: the prepared data has no user with the raw id 'U99'"),
        ("anna", "users: 'anna' is not an id; give a number from 1 to 10, or raw:<id of the raw data>"),
        ("²", "users: '²' is not an id"),
        ("-1", "users: '-1' is not an id"),
        (" ", "users: ' ' names no users"),
        ("'7", 'users: "\'7": no closing quotation'),
    ],
)
def test_an_unknown_user_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        parse_users(text, tiny.users())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("13", "items: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got 13"),
        ("raw:U1", "items: the catalogue has no item with the raw id 'U1'"),
        ("'title:Iron Wold'", "items: no item has the title 'Iron Wold'; did you mean 'Iron Wolf'"),
        ("title:Qqq", "items: no item has the title 'Qqq'$"),
        ("best", "items: the catalogue has no item with the raw id 'best'"),
        ("", "items: names no items"),
    ],
)
def test_an_unknown_item_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_items(text, tiny.catalogue())
