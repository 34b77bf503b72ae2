"""What a reader wants from each record, and how a record's values become typed columns.

Every file format has a fast path (Arrow reads a whole piece) for clean pieces and shares this careful path
for the rest: value by value, so that a bad line is reported with its number. Whatever the fast path accepts means
the same on the careful one: a bad line never changes what the others say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recexplainer.core.errors import InputError
from recexplainer.data.readers.files import BadLines

Kind = Literal["text", "label", "number", "time", "order", "texts", "split_texts", "nested_texts"]
Row = Mapping[str, Any]

EXACT = 2**53  # up to here a float holds every whole number
_LARGEST_ORDER = 2**63 - 1
_SEPARATORS = ("|", ";", ",")  # between categories in one text, the likeliest first
_COMMON_SEPARATOR = 0.1  # share of the texts that hold it

_BLANKS = " \t\r\n\f\v"
_TEXTS = pa.list_(pa.string())
_ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "label": pa.string(),
    "number": pa.float64(),
    "time": pa.float64(),
    "order": pa.float64(),
    "texts": _TEXTS,
    "split_texts": _TEXTS,
    "nested_texts": _TEXTS,
}


@dataclass(frozen=True)
class Field:
    """One wanted value of a record.

    Attributes:
        column: The name in the raw file.
        name: The name in the table that the reader yields.
        kind: ``text``; ``label`` (a text, or in other records a number); ``number`` (finite); ``time`` (a
            number, or an ISO date taken as UTC, in seconds); ``order`` (a number, whole ones exact up to 2⁶³);
            ``texts`` (a list of texts, or one text); ``split_texts`` (the same, a text being split at the
            separator); ``nested_texts`` (the same as ``texts``, or lists of them, which are joined).
        required: Whether a record without it is a bad line. What cannot be read of another one is dropped and
            counted.
        separator: Of ``split_texts``; None: found in the first piece of the file.
    """

    column: str
    name: str
    kind: Kind
    required: bool = False
    separator: str | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type of the column; whole numbers that a float cannot hold come as int64."""
        return _ARROW_TYPES[self.kind]

    @property
    def is_exact(self) -> bool:
        """Whether whole numbers above 2⁵³ have to stay apart."""
        return self.kind in ("time", "order")


class Undecoded(dict[str, Any]):
    """The record of a line that is not UTF-8: bytes that could not be decoded become lone surrogates.

    It is a bad line only when a wanted value holds one.
    """


def decoded(raw: bytes) -> tuple[str, type[dict[str, Any]]]:
    """The text of a line or file, and what a record of it is: an ``Undecoded`` one where it is not UTF-8."""
    try:
        return raw.decode("utf-8"), dict
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape"), Undecoded


def schema_of(fields: Iterable[Field]) -> pa.Schema:
    """The schema of the tables that a reader yields."""
    return pa.schema([(field.name, field.arrow_type) for field in fields])


def is_clean(table: pa.Table, fields: Iterable[Field]) -> bool:
    """Whether a piece read by the fast path holds every required value and only finite and exact numbers."""
    for field in fields:
        column = table.column(field.name)
        if field.required and (column.null_count or (field.kind == "text" and _holds_empty_text(column))):
            return False
        if field.kind in ("number", "time", "order"):
            values = column.drop_null().to_numpy()
            if not np.isfinite(values).all() or (field.is_exact and (np.abs(values) >= EXACT).any()):
                return False
    return True


def _holds_empty_text(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.equal(column, "")).as_py())


def careful_table(rows: Iterable[tuple[int, Row | str]], fields: list[Field], bad: BadLines) -> pa.Table:
    """A piece read value by value: what cannot be used is counted with its line, the rest becomes a table.

    Args:
        rows: Line number and record; a text instead of a record says why the line could not be parsed.
        fields: The wanted values.
        bad: Counts the bad lines.

    Raises:
        InputError: when there are too many bad lines.
    """
    columns: dict[str, list[Any]] = {field.name: [] for field in fields}
    for line, row in rows:
        values = row if isinstance(row, str) else _values(line, row, fields, bad)
        if isinstance(values, str):
            bad.add(line, values)
            continue
        for field, value in zip(fields, values, strict=True):
            columns[field.name].append(value)
    arrays = {field.name: _column(columns[field.name], field, bad) for field in fields}
    return pa.table(arrays)


def _values(line: int, row: Row, fields: list[Field], bad: BadLines) -> list[Any] | str:
    """A record's wanted values, or why the line is a bad one."""
    if isinstance(row, Undecoded) and (undecoded := _undecoded(row.get(field.column) for field in fields)):
        bad.keep_undecoded(undecoded)
        return "not UTF-8"
    values = []
    for field in fields:
        try:
            values.append(coerce(row.get(field.column), field))
        except ValueError as error:
            if field.required:
                return str(error)
            bad.drop(field.column, line, str(error))
            values.append(None)
    return values


def _undecoded(values: Iterable[Any]) -> list[str]:
    """The texts among some values that hold bytes which could not be decoded."""
    texts = chain.from_iterable(value if isinstance(value, list) else [value] for value in values)
    return [text for text in texts if isinstance(text, str) and any("\udc80" <= c <= "\udcff" for c in text)]


def _column(values: list[Any], field: Field, bad: BadLines) -> pa.Array:
    if field.is_exact:
        return _exact_column(values, field, bad)
    if field.kind == "split_texts":
        pattern = _split_pattern(_separator_of(field, lambda: values, bad))
        values = [_split(value, pattern) for value in values]
    return pa.array(values, field.arrow_type)


def _exact_column(values: list[Any], field: Field, bad: BadLines) -> pa.Array:
    if all(value is None or abs(value) < EXACT for value in values):
        return pa.array(values, pa.float64())
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise InputError(f"{bad.path}: column '{field.column}' mixes whole numbers above 2^53 with fractions")
    return pa.array([int(value) for value in values], pa.int64())


def found_separator(values: Sequence[Any]) -> str:
    """The separator of the categories in a column's texts: the likeliest separator that a tenth of them hold."""
    texts = [value for value in values if isinstance(value, str) and value]
    shares = {mark: sum(mark in text for text in texts) for mark in _SEPARATORS}
    return next((mark for mark, n in shares.items() if n and n >= _COMMON_SEPARATOR * len(texts)), _SEPARATORS[0])


def _separator_of(field: Field, values: Callable[[], Sequence[Any]], bad: BadLines) -> str:
    """A field's separator: its own, or that which was found in the first piece of the file."""
    if field.separator is None and "categories_separator" not in bad.found:
        bad.found["categories_separator"] = found_separator(values())
    return field.separator or bad.found["categories_separator"]


def split_column(column: pa.ChunkedArray, field: Field, bad: BadLines) -> pa.ChunkedArray:
    """A column of texts as lists of the parts between the separators; null for an empty text."""
    texts = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    pattern = _split_pattern(_separator_of(field, column.to_pylist, bad))
    return pc.split_pattern_regex(pc.ascii_trim_whitespace(texts), pattern=pattern)


def _split(value: Any, pattern: str) -> Any:
    return re.split(pattern, value.strip(_BLANKS), flags=re.ASCII) if isinstance(value, str) else value


def _split_pattern(separator: str) -> str:
    return rf"[ \t\r\n\f\v]*{re.escape(separator)}[ \t\r\n\f\v]*"


def parsed_lines(chunk: bytes, first_line: int, parse: Callable[[bytes], Row | str]) -> Iterator[tuple[int, Row | str]]:
    """The records of a piece that holds one per line, with their line numbers; empty lines are passed over."""
    for line, raw in enumerate(chunk.split(b"\n"), start=first_line):
        if raw.strip():
            yield line, parse(raw)


def coerce(value: Any, field: Field) -> Any:
    """One raw value as its field's kind; None where an optional one is missing.

    Raises:
        ValueError: when it is missing and required, or of another kind; the message names the column.
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        if field.required:
            raise ValueError(f"'{field.column}' is missing")
        return None
    if field.kind in ("text", "label"):
        return _text(value, field)
    if field.kind == "number":
        return _number(value, field)
    if field.is_exact:
        return _time(value, field) if field.kind == "time" else _exact(value, field)
    if isinstance(value, str):
        text = _text(value, field)
        return text if field.kind == "split_texts" else [text]
    return _texts(value, field)


def _texts(value: Any, field: Field) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"'{field.column}' should be a list of texts, found {_shown(value)}")
    if field.kind == "nested_texts":
        value = list(chain.from_iterable(part if isinstance(part, list) else [part] for part in value))
    return [_text(part, field) for part in value if part is not None]


def _text(value: Any, field: Field) -> str:
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(f"'{field.column}' should be text, found {_shown(value)}")
    text = str(value)
    if text.isascii():
        return text
    if field.required and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"'{field.column}' holds a broken character: {_shown(text)}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(value: Any, field: Field) -> float:
    try:
        number = math.nan if isinstance(value, bool) or "_" in str(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"'{field.column}' is not a number: {_shown(value)}")
    return number


def _exact(value: Any, field: Field) -> int | float:
    """A number, a whole one to its last digit."""
    number = _number(value, field)
    if abs(number) < EXACT:
        return number
    whole = value if isinstance(value, int) else _whole(value)
    if whole is None or abs(whole) > _LARGEST_ORDER:
        raise ValueError(f"'{field.column}' should be a whole number below 2^63 above 2^53, found {_shown(value)}")
    return whole


def _whole(value: Any) -> int | None:
    """A text or decimal as the whole number that it writes out; None for anything else (a float was rounded before)."""
    if isinstance(value, float):
        return None
    number = Decimal(str(value).strip())
    return int(number) if number == number.to_integral_value() else None


def _time(value: Any, field: Field) -> int | float:
    """Seconds since 1970 of a date, and any number as it is: what reads as a number is one."""
    if isinstance(value, str):
        try:
            return _exact(value, field)
        except ValueError:
            value = _date(value, field)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return _exact(value, field)


def _date(text: str, field: Field) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"'{field.column}' is neither a number nor an ISO date: {_shown(text)}") from None


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else text[:37] + "..."
