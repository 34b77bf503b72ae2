"""One's own data: a table of interactions and one of items, as CSV, TSV, Parquet or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field, careful_table, is_clean, schema_of
from recexplainer.data.readers.files import BadLines, named_file
from recexplainer.data.readers.json_lines import read_json_lines
from recexplainer.data.readers.raw import InteractionCollector, RawInteractions, items_frame
from recexplainer.errors import InputError
from recexplainer.settings import Columns

HAS_MARKUP = False
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz", ".parquet")


@dataclass(frozen=True)
class TableReader:
    """Reads the two tables by the columns' names."""

    columns: Columns

    def find_files(self, folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
        """The two files, which this format has no naming for: both must be given.

        Raises:
            InputError: when a name is not given, names no file, or ends in an unknown suffix.
        """
        return (
            _named_table(folder, interactions_file, "dataset.interactions_file"),
            _named_table(folder, items_file, "dataset.items_file"),
        )

    def read_interactions(self, path: Path, bad: BadLines) -> RawInteractions:
        """Every row as an interaction; ``order`` (a position) or ``time`` says which came first.

        Raises:
            InputError: when neither is named, a column is missing, or there are too many bad lines.
        """
        columns = self.columns
        if columns.order is None and columns.time is None:
            raise InputError(f"{path}: name the column that orders a user's rows in dataset.columns.time or .order")
        fields = [Field(columns.user, "user", "text", True), Field(columns.item, "item", "text", True)]
        if columns.rating is not None:
            fields.append(Field(columns.rating, "rating", "number", True))
        if columns.time is not None:
            fields.append(Field(columns.time, "time", "time", True))
        if columns.order is not None:
            fields.append(Field(columns.order, "order", "number", True))
        collector = InteractionCollector()
        for table in _read(path, fields, bad):
            collector.add(table)
        return collector.finish()

    def read_items(self, path: Path, wanted: set[str], bad: BadLines) -> pd.DataFrame:
        """The wanted items.

        Raises:
            InputError: when a column is missing or there are too many bad lines.
        """
        columns = self.columns
        fields = [Field(columns.item_key, "raw_id", "text", True), Field(columns.title, "title", "text")]
        if columns.brand is not None:
            fields.append(Field(columns.brand, "brand", "text"))
        if columns.categories is not None:
            fields.append(Field(columns.categories, "categories", "split_texts"))
        if columns.description is not None:
            fields.append(Field(columns.description, "description", "texts"))
        return items_frame(_with_every_column_used(_read(path, fields, bad), fields, path), wanted)


def _named_table(folder: Path, name: str | None, parameter: str) -> Path:
    if name is None:
        raise InputError(f"{folder}: dataset.format 'table' has no file naming; name the file in {parameter}")
    path = named_file(folder, name, parameter)
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{path}: unknown kind of table; expected a name that ends in {', '.join(SUFFIXES)}")
    return path


def _read(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    repeated = {field.column for field in fields if sum(other.column == field.column for other in fields) > 1}
    if repeated:
        raise InputError(f"{path}: dataset.columns uses column '{min(repeated)}' for two things")
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return _read_parquet(path, fields, bad)
    if name.endswith(".jsonl"):
        return read_json_lines(path, fields, bad)
    return read_delimited(path, fields, bad, "\t" if name.endswith(".tsv") else ",")


def _with_every_column_used(tables: Iterator[pa.Table], fields: list[Field], path: Path) -> Iterator[pa.Table]:
    """Pass tables on; refuse a file in which a named column is always empty (JSON lines have no header)."""
    empty = {field.name: field.column for field in fields}
    n_rows = 0
    for table in tables:
        n_rows += table.num_rows
        empty = {name: column for name, column in empty.items() if table.column(name).null_count == table.num_rows}
        yield table
    if n_rows and empty:
        name, column = next(iter(empty.items()))
        raise InputError(f"{path}: no row has a value in column '{column}', which dataset.columns names for {name}")


def _read_parquet(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    try:
        file = pq.ParquetFile(path)
        for field in fields:
            if field.column not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                raise InputError(f"{path}: column '{field.column}' is missing; the file has: {names}")
        first_row = 1
        for batch in file.iter_batches(columns=[field.column for field in fields]):
            raw = pa.Table.from_batches([batch]).select([field.column for field in fields])
            table = _cast(raw, fields)
            if table is None:
                table = careful_table(enumerate(raw.to_pylist(), start=first_row), fields, bad)
            yield table
            first_row += raw.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error})") from error


def _cast(raw: pa.Table, fields: list[Field]) -> pa.Table | None:
    arrays = []
    for field in fields:
        column = raw.column(field.column)
        if field.kind == "text" and not (pa.types.is_integer(column.type) or pa.types.is_string(column.type)):
            return None
        try:
            if field.kind == "time" and pa.types.is_timestamp(column.type):
                microseconds = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
                column = pc.divide(microseconds.cast(pa.float64()), 1e6)
            arrays.append(column.cast(field.arrow_type))
        except pa.ArrowException:
            return None
    table = pa.table(arrays, schema=schema_of(fields))
    return table if is_clean(table, fields) else None
