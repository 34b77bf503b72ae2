from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recexplainer.core.errors import InputError
from recexplainer.serving.fields import (
    check_names,
    item_ids,
    read_choice,
    read_flag,
    read_histories,
    read_number,
    read_optional_number,
    read_texts,
    read_words,
)


def test_whole_numbers_are_read_however_a_table_holds_them() -> None:
    assert read_histories([[5, 5.0, np.int32(5), np.float64(5)]], item_ids(12), 1) == [[5] * 4]
    assert read_histories([[3, 4.0], np.array([5, 6]), (7,)], item_ids(12), 1) == [[3, 4], [5, 6], [7]]
    assert read_histories([[]], item_ids(12), 0) == [[]]


@pytest.mark.parametrize(
    "value", [True, np.bool_(True), 5.7, "5", None, float("nan"), float("inf"), [5], np.array([5]), {}, 0, 13]
)
def test_what_is_not_an_item_id_is_refused_and_not_converted(value: Any) -> None:
    with pytest.raises(InputError, match="history in row 1: expected a whole number from 1 to 12, got "):
        read_histories([[5, value]], item_ids(12), 1)


@pytest.mark.parametrize("value", ["3,4", 3, None, {"3": 4}])
def test_a_history_is_a_list(value: Any) -> None:
    with pytest.raises(InputError, match="history in row 1: expected a list of items, got "):
        read_histories([value], item_ids(12), 1)


def test_params_are_read_as_they_were_sent() -> None:
    assert read_number({"k": 3.0}, "k", 10, 1, 20) == 3 and read_number({}, "k", 10, 1, 20) == 10
    assert read_flag({"seen": False}, "seen", True) is False and read_flag({}, "seen", True) is True
    for value in (None, 0, 21, 10**400, "3"):
        with pytest.raises(InputError, match="params.k: expected a whole number from 1 to 20, got "):
            read_number({"k": value}, "k", 10, 1, 20)
    with pytest.raises(InputError, match="params.seen: expected true or false, got 1"):
        read_flag({"seen": 1}, "seen", True)
    with pytest.raises(InputError, match="params: 'seem' is unknown; did you mean 'seen'?"):
        check_names(["seem"], ["seen"], "params")


def test_options_may_be_absent_or_null_and_nothing_else() -> None:
    for params in ({}, {"x": None}):
        assert (
            read_optional_number(params, "x", 1, 9)
            is read_choice(params, "x", ["a"])
            is read_words(params, "x")
            is None
        )
    given = {"x": "a"}
    assert (read_optional_number({"x": 3.0}, "x", 1, 9), read_choice(given, "x", ["a"]), read_words(given, "x")) == (
        3,
        "a",
        "a",
    )
    with pytest.raises(InputError, match="params.x: expected a whole number from 1 to 9, got 10"):
        read_optional_number({"x": 10}, "x", 1, 9)
    for value in ("b", ["a"], 1):
        with pytest.raises(InputError, match="params.x: expected one of a, got "):
            read_choice({"x": value}, "x", ["a"])
    for value in ("", " ", "two\nlines", "\ud800", "x" * 81, 5, ["a"]):
        with pytest.raises(InputError, match="params.x: expected words on one line, at most 80 characters, got "):
            read_words({"x": value}, "x")


def test_a_text_is_a_text() -> None:
    assert read_texts(["Yes."]) == ["Yes."]
    for value, shown in ((None, "null"), (5, "5")):
        with pytest.raises(InputError, match=f"text in row 1: expected a text, got {shown}"):
            read_texts([value])
