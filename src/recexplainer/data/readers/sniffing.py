"""How a delimited file is written, found from its beginning where the parameters do not say."""

from __future__ import annotations

import re
from collections.abc import Iterable

SAMPLE_BYTES = 2**19  # of the beginning of a file
DELIMITERS = (",", "\t", ";", "|")


def found_delimiter(header: str, wanted: Iterable[str], usual: str) -> str:
    """The delimiter of a header line: of those that give the most wanted columns, the usual one or else the first.

    >>> found_delimiter("user;item;when", ["user", "item"], ",")
    ';'
    """
    names = list(wanted)
    options = [usual, *(mark for mark in DELIMITERS if mark != usual)]
    n_found = {mark: sum(name in plain_names(header.split(mark)) for name in names) for mark in options}
    return max(options, key=lambda mark: n_found[mark])  # the first of the best


def found_quoting(sample: bytes, delimiter: bytes) -> str:
    """The style of quoting of a file, by what most of the values that begin with a mark do: see ``Quoting``.

    A single odd value decides nothing unless the sample holds no other.

    >>> found_quoting(b'1,"a, b"\\n2,"c"\\n3,"never closed\\n', b",")
    'double'
    >>> found_quoting(b'1,"Heroes\\n2,12" Masters\\n', b",")
    'none'
    """
    if b'"' not in sample:
        return "double"
    mark = re.escape(delimiter)
    n_opened = len(re.findall(rb"(?:\A|(?<=[" + mark + rb'\n]))"', sample))
    n_closed = len(re.findall(rb'"(?=[' + mark + rb"\r\n]|\Z)", sample))
    if not n_opened:
        return "double"
    if n_closed * 2 < n_opened:
        return "none"
    n_escaped = len(re.findall(rb'(?<!\\)\\"(?![' + mark + rb"\r\n]|\Z)", sample))
    n_doubled = len(re.findall(rb'(?<=[^"' + mark + rb'\n])""(?!")', sample))
    return "backslash" if n_escaped > n_doubled else "double"


def plain_names(header: Iterable[str]) -> list[str]:
    """Column names without quotation marks and blanks, and without RecBole's types (``user_id:token``)."""
    return [_TYPE.sub("", name.strip().strip('"').strip()) for name in header]


_TYPE = re.compile(r":(?:token|float)(?:_seq)?$")
