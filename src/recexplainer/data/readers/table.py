"""One's own data: a table of interactions and one of items, as CSV, TSV, Parquet, JSON or RecBole's files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Columns
from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, named_file
from recexplainer.data.readers.json_lines import read_json_lines
from recexplainer.data.readers.parquet import parquet_files, read_parquet
from recexplainer.data.readers.raw import RawInteractions, collected, items_frame

HAS_MARKUP = False
_TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".inter", ".item")
_TABBED = (".tsv", ".inter", ".item")


@dataclass(frozen=True)
class TableReader:
    """Reads the two tables by the columns' names."""

    columns: Columns

    def find_files(self, folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
        """The two files, or folders of Parquet files: both must be named, but for RecBole's, which are found.

        Raises:
            InputError: when a name is not given, names no file, or ends in an unknown suffix.
        """
        return (
            _named_table(folder, interactions_file, ".inter", "dataset.interactions_file"),
            _named_table(folder, items_file, ".item", "dataset.items_file"),
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
            fields.append(Field(columns.order, "order", "order", True))
        return collected(_read(path, fields, bad))

    def read_items(self, path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
        """The wanted items.

        Raises:
            InputError: when a column is missing or there are too many bad lines.
        """
        columns = self.columns
        fields = [Field(columns.item_key, "raw_id", "text", True), Field(columns.title, "title", "text")]
        if columns.brand is not None:
            fields.append(Field(columns.brand, "brand", "text"))
        if columns.categories is not None:
            separator = bad.dialect.categories_separator
            fields.append(Field(columns.categories, "categories", "split_texts", separator=separator))
        if columns.description is not None:
            fields.append(Field(columns.description, "description", "texts"))
        return items_frame(_with_every_column_used(_read(path, fields, bad), fields, path), wanted)


def _named_table(folder: Path, name: str | None, suffix: str, parameter: str) -> Path:
    if name is None:
        found = list(folder.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        raise InputError(f"{folder}: dataset.format 'table' has no default file names; name the file in {parameter}")
    for path in (folder / name, Path(name)):
        if path.is_dir() and path.suffix != ".zip" and parquet_files(path):
            return path
    path = named_file(folder, name, parameter)
    if not path.name.removesuffix(".gz").endswith(_TEXT_SUFFIXES) and path.suffix != ".parquet":
        known = ", ".join((*_TEXT_SUFFIXES, ".parquet"))
        raise InputError(f"{path}: unknown kind of table; expected a folder of Parquet files, or a name in {known}")
    return path


def _read(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    repeated = {field.column for field in fields if sum(other.column == field.column for other in fields) > 1}
    if repeated:
        raise InputError(f"{path}: dataset.columns uses column '{min(repeated)}' twice")
    name = path.name.removesuffix(".gz")
    if path.is_dir() or name.endswith(".parquet"):
        return read_parquet(path, fields, bad)
    if name.endswith((".jsonl", ".json")):
        return read_json_lines(path, fields, bad)
    return read_delimited(path, fields, bad, "\t" if name.endswith(_TABBED) else ",")


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
        raise InputError(f"{path}: column '{column}' is empty, but dataset.columns names it for {name}")
