"""The fields of a request as they were sent: a value of another type is refused, never converted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from recexplainer.core.errors import InputError, did_you_mean

MAX_HISTORY = 10_000  # items of one history
MAX_WORDS = 80  # characters of words among the params

ReadItem = Callable[[Any, str], int]
Word = TypeVar("Word", bound=str)


def item_ids(n_items: int) -> ReadItem:
    """Reads whole numbers from 1 to `n_items`."""
    return partial(_number, low=1, high=n_items)


def read_histories(column: Iterable[Any], read_item: ReadItem, min_length: int, first_row: int = 1) -> list[list[int]]:
    """The field `history` of all rows.

    Args:
        column: The field.
        read_item: Reads an item; its second argument begins the message about one that it cannot read.
        min_length: Of a history; the longest has `MAX_HISTORY` items.
        first_row: The number of the first row, for messages.

    Raises:
        InputError: If a value is not a list of so many items.
    """
    return [
        _history(value, f"history in row {row}", read_item, min_length)
        for row, value in enumerate(column, start=first_row)
    ]


def read_texts(column: Iterable[Any]) -> list[str]:
    """The field `text` of all rows.

    Raises:
        InputError: If a value is not a text.
    """
    texts = []
    for row, value in enumerate(column, start=1):
        if not isinstance(value, str):
            raise InputError(f"text in row {row}: expected a text, got {shown(value)}")
        texts.append(str(value))
    return texts


def read_number(params: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    """A whole number among the params.

    Raises:
        InputError: If it is not one, or out of range.
    """
    return _number(params.get(name, default), f"params.{name}", low, high)


def read_flag(params: Mapping[str, Any], name: str, default: bool) -> bool:
    """A switch among the params.

    Raises:
        InputError: If it is neither true nor false.
    """
    value = params.get(name, default)
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"params.{name}: expected true or false, got {shown(value)}")
    return bool(value)


def read_optional_number(params: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """A whole number among the params that may be absent or null.

    Raises:
        InputError: If it is something else, or out of range.
    """
    return None if params.get(name) is None else _number(params[name], f"params.{name}", low, high)


def read_choice(params: Mapping[str, Any], name: str, known: Sequence[Word]) -> Word | None:
    """One of some words among the params; it may be absent or null.

    Raises:
        InputError: If it is something else.
    """
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in known:
        raise InputError(f"params.{name}: expected one of {', '.join(known)}, got {shown(value)}")
    return next(word for word in known if word == value)


def read_words(params: Mapping[str, Any], name: str) -> str | None:
    """A few words on one line among the params; they may be absent or null.

    Raises:
        InputError: If it is something else.
    """
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > MAX_WORDS:
        raise InputError(
            f"params.{name}: expected words on one line, at most {MAX_WORDS} characters, got {shown(value)}"
        )
    return value


def is_absent(value: Any) -> bool:
    """Whether a row lacks a field: a table has null or nan there."""
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def check_names(given: Iterable[Any], known: Iterable[str], what: str) -> None:
    """Refuse unknown names.

    Raises:
        InputError: If there are some.
    """
    names = list(known)
    for name in map(str, given):
        if name not in names:
            raise InputError(f"{what}: {shown(name)} is unknown; {did_you_mean(name, names)}")


def _history(value: Any, where: str, read_item: ReadItem, min_length: int) -> list[int]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: expected a list of items, got {shown(value)}")
    if not min_length <= len(value) <= MAX_HISTORY:
        raise InputError(f"{where}: expected {min_length} to {MAX_HISTORY} items, got {len(value)}")
    return [read_item(item, where) for item in value]


def _number(value: Any, where: str, low: int, high: int) -> int:
    number = whole_number(value)
    if number is None or not low <= number <= high:
        raise InputError(f"{where}: expected a whole number from {low} to {high}, got {shown(value)}")
    return number


def whole_number(value: Any) -> int | None:
    """A whole number, None for anything else; 5.0 is one, since a table may hold a column of numbers as floats."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return None


def shown(value: Any) -> str:
    """A value in a message, as JSON would write it if it is short.

    >>> shown(True), shown(None), shown([1]), shown("five"), shown(5.7)
    ('true', 'null', 'a list', "'five'", '5.7')
    """
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:39] + "…")
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | np.integer):
        return str(value) if abs(int(value)) < 10**15 else "a number of more than 15 digits"
    if isinstance(value, float | np.floating):
        return "null" if np.isnan(value) else f"{value:.6g}"  # a table has nan where a row lacks the field
    if value is None:
        return "null"
    return "a list" if isinstance(value, list | tuple | np.ndarray) else "an object"
