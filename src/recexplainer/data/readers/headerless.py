"""Text without a header line and without quotes, whose values are separated as in MovieLens (``::``, tab, ``|``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from recexplainer.data.readers.delimited import fast_table
from recexplainer.data.readers.fields import Field, Row, careful_table
from recexplainer.data.readers.files import BadLines, read_chunks
from recexplainer.data.readers.quoting import Quoting

_ONE_BYTE = "\x1f"  # replaces the separator when Arrow reads a piece


def read_headerless(
    path: Path, columns: list[str], fields: list[Field], bad: BadLines, separator: str = "::"
) -> Iterator[pa.Table]:
    """The wanted columns of a file, as tables of bounded size.

    Args:
        path: The file; gunzipped where its name ends in ``.gz``. A line that is not UTF-8 is taken as Latin-1, in
            which the older data sets are written, unless ``dataset.encoding`` says otherwise.
        columns: The names of all columns, in the file's order.
        fields: The wanted columns.
        bad: Counts the lines that cannot be used.
        separator: The separator of two values.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    quoting = Quoting("none", _ONE_BYTE.encode(), len(columns))
    for first_line, chunk in read_chunks(path, encoding=bad.dialect.encoding):
        text = _decoded(chunk)
        table = None
        if _ONE_BYTE not in text:
            body = text.replace(separator, _ONE_BYTE).encode()
            table = fast_table(body, columns, fields, quoting, bad)
        if table is None:
            table = careful_table(_records(text, first_line, columns, separator), fields, bad)
        yield table


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


def _records(text: str, first_line: int, columns: list[str], separator: str) -> Iterator[tuple[int, Row | str]]:
    for number, line in enumerate(text.split("\n"), start=first_line):
        values = line.removesuffix("\r").split(separator)
        if values == [""]:
            continue
        if len(values) == len(columns):
            yield number, dict(zip(columns, values, strict=True))
        else:
            yield number, f"{len(values)} values, but {len(columns)} were expected ({separator.join(columns)})"
