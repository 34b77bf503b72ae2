"""The fields of a request as they were sent: a value of another type is refused, never converted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from recexplainer.errors import InputError, did_you_mean

MAX_HISTORY = 10_000  # items of one history


def read_items(column: Iterable[Any], n_items: int) -> list[int]:
    """The field `item_id` of all rows.

    Raises:
        InputError: If a value is not an item id of the catalogue.
    """
    return [_number(value, f"item_id in row {row}", 1, n_items) for row, value in enumerate(column, start=1)]


def read_histories(column: Iterable[Any], n_items: int, min_length: int) -> list[list[int]]:
    """The field `history` of all rows.

    Raises:
        InputError: If a value is not a list of `min_length` to `MAX_HISTORY` item ids of the catalogue.
    """
    return [_history(value, f"history in row {row}", n_items, min_length) for row, value in enumerate(column, start=1)]


def read_texts(column: Iterable[Any]) -> list[str]:
    """The field `text` of all rows.

    Raises:
        InputError: If a value is not a text.
    """
    texts = []
    for row, value in enumerate(column, start=1):
        if not isinstance(value, str):
            raise InputError(f"text in row {row}: expected a text, got {_shown(value)}")
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
        raise InputError(f"params.{name}: expected true or false, got {_shown(value)}")
    return bool(value)


def check_names(given: Iterable[Any], known: Iterable[str], what: str) -> None:
    """Refuse unknown names.

    Raises:
        InputError: If there are some.
    """
    names = list(known)
    for name in map(str, given):
        if name not in names:
            raise InputError(f"{what}: {_shown(name)} is unknown; {did_you_mean(name, names)}")


def _history(value: Any, where: str, n_items: int, min_length: int) -> list[int]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: expected a list of item ids, got {_shown(value)}")
    if not min_length <= len(value) <= MAX_HISTORY:
        raise InputError(f"{where}: expected {min_length} to {MAX_HISTORY} items, got {len(value)}")
    return [_number(item, where, 1, n_items) for item in value]


def _number(value: Any, where: str, low: int, high: int) -> int:
    number = _whole(value)
    if number is None or not low <= number <= high:
        raise InputError(f"{where}: expected a whole number from {low} to {high}, got {_shown(value)}")
    return number


def _whole(value: Any) -> int | None:
    """A whole number; 5.0 is one, since a table may hold a column of numbers as floats."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return None


def _shown(value: Any) -> str:
    """A value in a message, as JSON would write it if it is short.

    >>> _shown(True), _shown(None), _shown([1]), _shown("five"), _shown(5.7)
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
