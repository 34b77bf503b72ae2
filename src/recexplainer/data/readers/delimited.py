"""Delimited text with a header line (CSV, TSV), plain or gzipped, streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from recexplainer.data.readers.fields import Field, Row, careful_table, is_clean
from recexplainer.data.readers.files import BadLines, read_chunks
from recexplainer.errors import InputError


def read_delimited(path: Path, fields: list[Field], bad: BadLines, delimiter: str = ",") -> Iterator[pa.Table]:
    """The wanted columns of a delimited file, as tables of bounded size.

    A clean piece is parsed by Arrow; a piece in which anything is odd is read again record by record, so
    that what is bad is known by its line.

    Args:
        path: The file; gunzipped where its name ends in ``.gz``. Its first line names the columns.
        fields: The wanted columns.
        bad: Counts the lines that cannot be used.
        delimiter: What stands between two values.

    Raises:
        InputError: when the file cannot be read, is empty, lacks a column or has too many bad lines.
    """
    header: list[str] | None = None
    for first_line, chunk in read_chunks(path, quoted=True):
        line, body = first_line, chunk
        if header is None:
            header_bytes, _, body = chunk.partition(b"\n")
            header = _header(header_bytes, path, delimiter)
            _require_columns(header, fields, path)
            line += 1
        if body:
            table = fast_table(body, header, fields, delimiter)
            yield (careful_table(_records(body, line, header, delimiter), fields, bad) if table is None else table)
    if header is None:
        raise InputError(f"{path}: the file is empty; its first line should name the columns")


def _header(raw: bytes, path: Path, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([raw.decode("utf-8")], delimiter=delimiter), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: line 1 should name the columns in UTF-8 ({error})") from error


def _require_columns(header: list[str], fields: list[Field], path: Path) -> None:
    for field in fields:
        n_found = header.count(field.column)
        if n_found != 1:
            problem = "is missing" if n_found == 0 else f"appears {n_found} times"
            names = ", ".join(header[:20])
            raise InputError(f"{path}: column '{field.column}' {problem}; line 1 names: {names[:200]}")


def fast_table(
    body: bytes, header: list[str], fields: list[Field], delimiter: str, quoted: bool = True
) -> pa.Table | None:
    """The wanted columns of a clean piece, parsed by Arrow; None when anything in it is odd.

    Args:
        body: Whole lines in UTF-8, without the header.
        header: The names of all columns.
        fields: The wanted columns.
        delimiter: What stands between two values, one byte.
        quoted: Whether double quotes enclose a value; otherwise they are part of it.
    """
    if any(field.kind in ("texts", "split_texts") for field in fields):
        return None
    read = pa.csv.ReadOptions(column_names=header, block_size=len(body) + 1, use_threads=False)
    quote = '"' if quoted else False
    parse = pa.csv.ParseOptions(
        delimiter=delimiter, quote_char=quote, newlines_in_values=quoted, ignore_empty_lines=True
    )
    convert = pa.csv.ConvertOptions(
        column_types={field.column: field.arrow_type for field in fields},
        include_columns=[field.column for field in fields],
        null_values=[],
        strings_can_be_null=False,
    )
    try:
        table = pa.csv.read_csv(pa.BufferReader(body), read, parse, convert)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    table = table.rename_columns([field.name for field in fields])
    return table if is_clean(table, fields) else None


def _records(body: bytes, first_line: int, header: list[str], delimiter: str) -> Iterator[tuple[int, Row | str]]:
    lines = _Lines(body, first_line)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start, problem, values = lines.next_line, "", None
        try:
            values = next(reader, None)
        except csv.Error as error:
            problem = str(error)
        yield from lines.undecodable
        lines.undecodable.clear()
        if values is None and not problem:
            return
        if values and len(values) == len(header):
            yield start, dict(zip(header, values, strict=True))
        elif values or problem:
            problem = problem or f"{len(values or [])} values where line 1 names {len(header)} columns"
            # A quote that is never closed swallows the lines after it: each of them is lost, so each is
            # counted.
            for line in range(start, max(start + 1, lines.next_line)):
                yield line, problem


class _Lines:
    """The decoded lines of a piece; what is not UTF-8 is set aside with its number."""

    def __init__(self, body: bytes, first_line: int) -> None:
        self.next_line = first_line
        self.undecodable: list[tuple[int, Row | str]] = []
        self._raw = iter(body.splitlines(keepends=True))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for raw in self._raw:
            self.next_line += 1
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError:
                self.undecodable.append((self.next_line - 1, "not UTF-8"))
        raise StopIteration
