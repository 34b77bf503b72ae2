"""Parquet: one file, or a folder of them as Spark and others write it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recexplainer.core.errors import InputError
from recexplainer.data.readers.fields import Field, careful_table, is_clean, schema_of
from recexplainer.data.readers.files import BadLines


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder and the folders in it, in the order of their names; hidden ones are left out."""
    files = [path for path in folder.rglob("*.parquet") if path.is_file()]
    return sorted(path for path in files if not _is_hidden(path.relative_to(folder)))


def read_parquet(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    """The wanted columns of a file, or of all files of a folder, as tables of bounded size.

    A row's number counts through all files.

    Raises:
        InputError: when a file cannot be read, lacks a column or has too many bad rows.
    """
    n_before = 0
    for file in parquet_files(path) if path.is_dir() else [path]:
        for raw in _batches(file, fields):
            table = _cast(raw, fields)
            if table is None:
                table = careful_table(enumerate(raw.to_pylist(), start=n_before + 1), fields, bad)
            yield table
            n_before += raw.num_rows


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _batches(path: Path, fields: list[Field]) -> Iterator[pa.Table]:
    columns = [field.column for field in fields]
    try:
        file = pq.ParquetFile(path)
        for column in columns:
            if column not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                raise InputError(f"{path}: column '{column}' is missing; the file has: {names}")
        for batch in file.iter_batches(columns=columns):
            table = pa.Table.from_batches([batch])
            yield pa.table({field.column: _plain(table.column(field.column), field) for field in fields})
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error})") from error


def _plain(column: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
    """The same values in the types that the rest knows: seconds for dates, texts for what is coded, whole numbers."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), field)
    if pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind) and kind.scale == 0:
        return _whole_numbers(column)
    if field.kind == "time" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        microseconds = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
        return pc.divide(microseconds.cast(pa.float64()), 1e6)
    return column


def _whole_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:  # too large; taken as decimals, value by value
        return column


def _cast(raw: pa.Table, fields: list[Field]) -> pa.Table | None:
    arrays = []
    for field in fields:
        column = raw.column(field.column)
        if field.kind == "text" and not (pa.types.is_integer(column.type) or pa.types.is_string(column.type)):
            return None
        try:
            arrays.append(column.cast(field.arrow_type))
        except pa.ArrowException:
            return None
    table = pa.table(arrays, schema=schema_of(fields))
    return table if is_clean(table, fields) else None
