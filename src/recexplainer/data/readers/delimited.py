"""Delimited text with a header line (CSV, TSV, RecBole's files), plain or gzipped, streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from recexplainer.core.errors import InputError
from recexplainer.data.readers.fields import Field, Row, careful_table, decoded, is_clean, split_column
from recexplainer.data.readers.files import LONGEST_RECORD_BYTES, BadLines, read_chunks
from recexplainer.data.readers.quoting import Quoting
from recexplainer.data.readers.sniffing import SAMPLE_BYTES, found_delimiter, found_quoting, plain_names

csv.field_size_limit(LONGEST_RECORD_BYTES)  # Arrow knows no limit


def read_delimited(path: Path, fields: list[Field], bad: BadLines, delimiter: str = ",") -> Iterator[pa.Table]:
    """The wanted columns of a delimited file, as tables of bounded size.

    A clean piece is parsed by Arrow; a piece in which anything is odd is read again record by record, so
    that what is bad is known by its line. Both read a record alike.

    Args:
        path: The file; gunzipped where its name ends in ``.gz``. Its first line names the columns.
        fields: The wanted columns.
        bad: Counts the lines that cannot be used, and knows how the file is written.
        delimiter: The usual delimiter in a file of this name.

    Raises:
        InputError: when the file cannot be read, is empty, lacks a column or has too many bad lines.
    """
    reading = _Reading(path, fields, bad, delimiter)
    for first_line, chunk in read_chunks(path, reading.last_end, bad.dialect.encoding):
        line, body = first_line, chunk
        if first_line == 1:
            reading.open(chunk)
            body, line = chunk.partition(b"\n")[2], 2
        if body:
            yield reading.table(body, line)
    if not reading.columns:
        raise InputError(f"{path}: the file is empty; its first line should name the columns")


class _Reading:
    """One file being read; how it is written is found from its first piece."""

    def __init__(self, path: Path, fields: list[Field], bad: BadLines, delimiter: str) -> None:
        self.path, self.fields, self.bad, self._usual = path, fields, bad, delimiter
        self.columns: list[str] = []
        self.quoting: Quoting | None = None

    def last_end(self, block: bytes) -> int:
        """The end of the last whole record of a block."""
        if b"\n" not in block:
            return 0
        return self.open(block).last_end(block)

    def table(self, body: bytes, line: int) -> pa.Table:
        """The wanted columns of a piece."""
        assert self.quoting is not None, "a piece was cut"
        table = fast_table(body, self.columns, self.fields, self.quoting, self.bad)
        if table is None:
            records = delimited_records(body, line, self.columns, self.quoting)
            table = careful_table(records, self.fields, self.bad)
        return table

    def open(self, block: bytes) -> Quoting:
        """How the file is written, found when it is first asked for, of its first piece."""
        if self.quoting is None:
            self.quoting = self._found(block)
        return self.quoting

    def _found(self, block: bytes) -> Quoting:
        dialect, header = self.bad.dialect, block.partition(b"\n")[0]
        try:
            text = header.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: line 1 should name the columns in UTF-8 ({error})") from error
        delimiter = dialect.delimiter or found_delimiter(text, [field.column for field in self.fields], self._usual)
        style = dialect.quoting or found_quoting(block[:SAMPLE_BYTES], delimiter.encode())
        names = next(_csv_reader(text, Quoting(style, delimiter.encode(), 0), strict=False), [])
        self.columns = [name.strip() for name in names]
        if not all(field.column in self.columns for field in self.fields):
            self.columns = plain_names(names)
        _require_columns(self.columns, self.fields, self.path)
        self.fields = [_of_type(field, names[self.columns.index(field.column)]) for field in self.fields]
        self.bad.found |= {"delimiter": delimiter, "quoting": style, "encoding": dialect.encoding or "utf-8"}
        return Quoting(style, delimiter.encode(), len(names), trusts_breaks=dialect.quoting is not None)


def _of_type(field: Field, name: str) -> Field:
    """A field of categories whose header says that they are separated by blanks (RecBole's ``token_seq``)."""
    return replace(field, separator=" ") if field.kind == "split_texts" and name.endswith(":token_seq") else field


def _require_columns(header: list[str], fields: list[Field], path: Path) -> None:
    for field in fields:
        n_found = header.count(field.column)
        if n_found != 1:
            problem = "is missing" if n_found == 0 else f"appears {n_found} times"
            names = ", ".join(header[:20])
            raise InputError(f"{path}: column '{field.column}' {problem}; line 1 names: {names[:200]}")


def fast_table(
    body: bytes, columns: list[str], fields: list[Field], quoting: Quoting, bad: BadLines
) -> pa.Table | None:
    """The wanted columns of a clean piece, parsed by Arrow; None when anything in it is odd.

    Args:
        body: Whole records in UTF-8, without the header.
        columns: The names of all columns.
        fields: The wanted columns.
        quoting: How values are separated and quoted.
        bad: Knows what separates categories.
    """
    if any(field.kind in ("texts", "nested_texts") for field in fields) or not _reads_alike(body, quoting):
        return None
    read = pa.csv.ReadOptions(column_names=columns, block_size=len(body) + 1, use_threads=False)
    parse = pa.csv.ParseOptions(
        delimiter=quoting.delimiter.decode(),
        quote_char=False if quoting.style == "none" else '"',
        newlines_in_values=quoting.style != "none",
        ignore_empty_lines=True,
    )
    convert = pa.csv.ConvertOptions(
        column_types={field.column: _type_in_text(field) for field in fields},
        include_columns=[field.column for field in fields],
        null_values=[],
        strings_can_be_null=False,
    )
    try:
        table = pa.csv.read_csv(pa.BufferReader(body), read, parse, convert)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    table = table.rename_columns([field.name for field in fields])
    if not is_clean(table, fields):
        return None
    for place, field in enumerate(fields):
        if field.kind == "split_texts":
            table = table.set_column(place, field.name, split_column(table.column(place), field, bad))
    return table


def _type_in_text(field: Field) -> pa.DataType:
    return pa.string() if field.kind == "split_texts" else field.arrow_type


def _reads_alike(body: bytes, quoting: Quoting) -> bool:
    """Whether Arrow, which pardons what the careful path does not, cuts a piece into the same records and values."""
    if body.count(b"\r") != body.count(b"\r\n") or (quoting.style == "backslash" and b"\\" in body):
        return False
    return b'"' not in body or quoting.is_proper(body)


def delimited_records(
    body: bytes, first_line: int, columns: list[str], quoting: Quoting
) -> Iterator[tuple[int, Row | str]]:
    """The records of a piece with their line numbers; a text instead of one says why it could not be parsed."""
    for n_before, raw in quoting.records(body):
        line = first_line + n_before
        text, kind = decoded(raw)
        values = _values(text.removesuffix("\n").removesuffix("\r"), quoting)
        if isinstance(values, str):
            yield line, values
        elif len(values) != len(columns):
            if values:
                yield line, f"{len(values)} values, but line 1 names {len(columns)} columns"
        else:
            yield line, kind(zip(columns, values, strict=True))


def _values(text: str, quoting: Quoting) -> list[str] | str:
    """The values of one record, or why it has none."""
    if quoting.style == "none":
        return text.split(quoting.delimiter.decode()) if text else []
    try:
        return next(_csv_reader(text, quoting, strict=True), [])
    except csv.Error as error:
        return "a quotation mark is not closed" if "unexpected end" in str(error) else str(error)


def _csv_reader(text: str, quoting: Quoting, strict: bool) -> Iterator[list[str]]:
    return csv.reader(
        [text],
        delimiter=quoting.delimiter.decode(),
        quoting=csv.QUOTE_NONE if quoting.style == "none" else csv.QUOTE_MINIMAL,
        escapechar="\\" if quoting.style == "backslash" else None,
        strict=strict,
    )
