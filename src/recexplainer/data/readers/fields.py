"""What a reader wants from each record, and how a record's values become typed columns.

Every file format has a fast path (Arrow reads a whole piece) for clean pieces and shares this careful path
for the rest: value by value, so that a bad line is reported with its number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recexplainer.data.readers.files import BadLines

Kind = Literal["text", "label", "number", "time", "texts", "split_texts"]
Row = Mapping[str, Any]

_ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "label": pa.string(),
    "number": pa.float64(),
    "time": pa.float64(),
    "texts": pa.list_(pa.string()),
    "split_texts": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Field:
    """One wanted value of a record.

    Attributes:
        column: The name in the raw file.
        name: The name in the table that the reader yields.
        kind: ``text``; ``label`` (a text, or in other records a number); ``number`` (finite); ``time`` (a
            number, or an ISO date taken as UTC, in seconds); ``texts`` (a list of texts, or one text);
            ``split_texts`` (the same, a text being split at ``|``).
        required: Whether a record without it is a bad line.
    """

    column: str
    name: str
    kind: Kind
    required: bool = False

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type of the column."""
        return _ARROW_TYPES[self.kind]


def schema_of(fields: Iterable[Field]) -> pa.Schema:
    """The schema of the tables that a reader yields."""
    return pa.schema([(field.name, field.arrow_type) for field in fields])


def is_clean(table: pa.Table, fields: Iterable[Field]) -> bool:
    """Whether a piece read by the fast path holds every required value and only finite numbers."""
    for field in fields:
        column = table.column(field.name)
        if field.required and (column.null_count or (field.kind == "text" and _holds_empty_text(column))):
            return False
        if field.kind in ("number", "time"):
            values = column.drop_null().to_numpy()
            if not np.isfinite(values).all():
                return False
    return True


def _holds_empty_text(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.equal(column, "")).as_py())


def careful_table(rows: Iterable[tuple[int, Row | str]], fields: list[Field], bad: BadLines) -> pa.Table:
    """A piece read value by value: what cannot be used is counted with its line, the rest becomes a table.

    Args:
        rows: Line number and record; a text in place of a record says why the line could not be parsed.
        fields: The wanted values.
        bad: Counts the bad lines.

    Raises:
        InputError: when there are too many bad lines.
    """
    columns: dict[str, list[Any]] = {field.name: [] for field in fields}
    for line, row in rows:
        if isinstance(row, str):
            bad.add(line, row)
            continue
        try:
            values = [coerce(row.get(field.column), field) for field in fields]
        except ValueError as error:
            bad.add(line, str(error))
            continue
        for field, value in zip(fields, values, strict=True):
            columns[field.name].append(value)
    return pa.table(columns, schema=schema_of(fields))


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
    if field.kind == "time":
        return _seconds(value, field)
    if isinstance(value, str):
        value = value.split("|") if field.kind == "split_texts" else [value]
    if not isinstance(value, list):
        raise ValueError(f"'{field.column}' should be a list of texts, found {_shown(value)}")
    return [_text(part, field) for part in value if part is not None]


def _text(value: Any, field: Field) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"'{field.column}' should be text, found {_shown(value)}")
    text = str(value)
    if text.isascii():
        return text
    if field.required and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"'{field.column}' holds a broken character: {_shown(text)}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(value: Any, field: Field) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"'{field.column}' is not a number: {_shown(value)}")
    return number


def _seconds(value: Any, field: Field) -> float:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return _number(value, field)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return _number(value, field)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else text[:37] + "..."
