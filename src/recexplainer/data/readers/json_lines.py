"""JSON, plain or gzipped: lines of one object each, streamed, or one array of objects, read as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json

from recexplainer.core.errors import InputError
from recexplainer.data.readers.fields import Field, Row, careful_table, decoded, is_clean, parsed_lines, schema_of
from recexplainer.data.readers.files import BadLines, read_chunks

_BLOCK_BYTES = 2**20  # what one thread parses at once; a piece with a longer line goes the careful way


def read_json_lines(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    """The wanted values of a file of JSON lines, as tables of bounded size, or of a JSON array, as one table.

    A clean piece is parsed by Arrow, several times as fast as line by line; a piece in which anything
    is odd is read again line by line, so that what is bad is known by its number. Both give the same table
    for a clean piece.

    Args:
        path: The file; gunzipped where its name ends in ``.gz``. Keys that no field wants are ignored.
        fields: The wanted values.
        bad: Counts the lines that cannot be used.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    label_types = (pa.string(), pa.float64()) if any(field.kind == "label" for field in fields) else (pa.string(),)
    encoding = bad.dialect.encoding
    array = _array(path, encoding) if _begins_as_array(path, encoding) else None
    if array is not None:
        yield careful_table(array, fields, bad)
        return
    for first_line, chunk in read_chunks(path, encoding=encoding):
        tables = (_fast_table(chunk, fields, label_type) for label_type in label_types)
        table = next((table for table in tables if table is not None), None)
        yield careful_table(parsed_lines(chunk, first_line, _parse), fields, bad) if table is None else table


def _fast_table(chunk: bytes, fields: list[Field], label_type: pa.DataType) -> pa.Table | None:
    if any(field.kind in ("split_texts", "nested_texts") for field in fields):
        return None
    schema = pa.schema([(field.column, label_type if field.kind == "label" else field.arrow_type) for field in fields])
    parse = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    read = pa.json.ReadOptions(block_size=_BLOCK_BYTES, use_threads=True)
    try:
        table = pa.json.read_json(pa.BufferReader(chunk), read_options=read, parse_options=parse)
        table = table.select([field.column for field in fields]).rename_columns([field.name for field in fields])
        table = table.cast(schema_of(fields))
        table.validate(full=True)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != chunk.count(b"\n") or b"\n\n" in chunk or not is_clean(table, fields):
        return None
    return table


def _parse(raw: bytes) -> dict[str, Any] | str:
    text, kind = decoded(raw)
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"malformed JSON ({getattr(error, 'msg', error)})"
    except RecursionError:
        return "malformed JSON (nested too deeply)"
    return kind(value) if isinstance(value, dict) else "malformed JSON (expected one object per line)"


def _begins_as_array(path: Path, encoding: str | None) -> bool:
    chunks = (chunk.lstrip() for _, chunk in read_chunks(path, encoding=encoding))
    return next((chunk.startswith(b"[") for chunk in chunks if chunk), False)


def _array(path: Path, encoding: str | None) -> list[tuple[int, Row | str]] | None:
    """The objects of an array, each with its number in it; None where it is the first of several lines only."""
    text, kind = decoded(b"".join(chunk for _, chunk in read_chunks(path, encoding=encoding)))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        if str(error).startswith("Extra data"):
            return None
        raise InputError(f"{path}: begins as a JSON array but cannot be read as one ({error})") from error
    wrong = "malformed JSON (expected an array of objects)"
    return [(n, kind(value) if isinstance(value, dict) else wrong) for n, value in enumerate(values, start=1)]
