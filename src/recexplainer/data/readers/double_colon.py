"""Text whose values are separated by two colons, without a header line and without quotes, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from recexplainer.data.readers.delimited import fast_table
from recexplainer.data.readers.fields import Field, Row, careful_table
from recexplainer.data.readers.files import BadLines, read_chunks

_SEPARATOR = "::"
_ONE_BYTE = "\x1f"  # what stands in for the separator when Arrow reads a piece


def read_double_colon(path: Path, columns: list[str], fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    """The wanted columns of a file, as tables of bounded size.

    Args:
        path: The file; gunzipped where its name ends in ``.gz``. A line that is no UTF-8 is taken as Latin-1, in
            which the older data sets are written.
        columns: The names of all columns, in the file's order.
        fields: The wanted columns.
        bad: Counts the lines that cannot be used.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    for first_line, chunk in read_chunks(path):
        text = _decoded(chunk)
        table = None
        if _ONE_BYTE not in text:
            body = text.replace(_SEPARATOR, _ONE_BYTE).encode()
            table = fast_table(body, columns, fields, _ONE_BYTE, quoted=False)
        yield careful_table(_records(text, first_line, columns), fields, bad) if table is None else table


def _decoded(chunk: bytes) -> str:
    try:
        return chunk.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(_decoded_line(line) for line in chunk.split(b"\n"))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _records(text: str, first_line: int, columns: list[str]) -> Iterator[tuple[int, Row | str]]:
    for number, line in enumerate(text.split("\n"), start=first_line):
        values = line.removesuffix("\r").split(_SEPARATOR)
        if values == [""]:
            continue
        if len(values) == len(columns):
            yield number, dict(zip(columns, values, strict=True))
        else:
            yield number, f"{len(values)} values where {len(columns)} were expected ({_SEPARATOR.join(columns)})"
