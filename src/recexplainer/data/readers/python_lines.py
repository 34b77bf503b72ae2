"""Lines that each hold one Python dictionary, plain or gzipped: parsed as literals, never evaluated."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from recexplainer.data.readers.fields import Field, careful_table, decoded, parsed_lines
from recexplainer.data.readers.files import BadLines, read_chunks


def read_python_lines(path: Path, fields: list[Field], bad: BadLines) -> Iterator[pa.Table]:
    """The wanted values of a file of Python dictionaries, as tables of bounded size.

    Args:
        path: The file; gunzipped where its name ends in ``.gz``. Keys that no field wants are ignored.
        fields: The wanted values.
        bad: Counts the lines that cannot be used.

    Raises:
        InputError: when the file cannot be read or has too many bad lines.
    """
    for first_line, chunk in read_chunks(path, encoding=bad.dialect.encoding):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash that begins no escape; a text may hold any
            table = careful_table(parsed_lines(chunk, first_line, _parse), fields, bad)
        yield table


def _parse(raw: bytes) -> dict[str, Any] | str:
    text, kind = decoded(raw)
    try:
        value = ast.literal_eval(text.strip())
    except UnicodeEncodeError:  # Python's parser takes no surrogates
        return "not UTF-8"
    except (SyntaxError, TypeError, ValueError) as error:
        return f"malformed Python literal ({getattr(error, 'msg', 'not a literal')})"
    except (RecursionError, MemoryError):
        return "malformed Python literal (nested too deeply)"
    return kind(value) if isinstance(value, dict) else "malformed line (expected one dictionary)"
