"""Quotation marks in delimited text: where a record ends, also when one of them opens and never closes.

A mark opens a value where the value begins, and closes it where a delimiter or a line's end follows. One that opens
and is not closed so makes its own line a bad one and no other: the lines after it are read as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recexplainer.data.readers.files import last_line_end

QUOTE, NEW_LINE, RETURN = b'"\n\r'
LONGEST_VALUE_BYTES = 2**20  # a quoted value that is longer was never closed
_INSIDE = {"double": rb'(?:[^"]++|"")*+', "backslash": rb'(?:[^"\\]++|\\.|"")*+'}


@dataclass(frozen=True)
class Quoting:
    """How values are quoted in one file.

    Attributes:
        style: ``double`` (quotation marks in a quoted value are doubled), ``backslash`` (or have a backslash before
            them) or ``none`` (they are part of the value).
        delimiter: The delimiter, one byte.
        n_columns: Values of a record.
        trusts_breaks: Whether a quoted value may span lines that could each be a record; otherwise its mark counts
            as one that was never closed.
    """

    style: str
    delimiter: bytes
    n_columns: int
    trusts_breaks: bool = False

    def last_end(self, block: bytes) -> int:
        """The end of the last whole record of a block that starts at a record, 0 where none ends in it."""
        end = last_line_end(block)
        if self.style == "none" or self.is_flat(block[:end]):
            return end
        breaks, opened = self._breaks_in_values(block, end)
        if opened is None:
            return end
        before = block.rfind(b"\n", 0, opened)
        while before >= 0 and before in breaks:
            before = block.rfind(b"\n", 0, before)
        return before + 1

    def records(self, body: bytes) -> Iterator[tuple[int, bytes]]:
        """The records of whole lines: the number of line breaks before each, and its bytes with its line end."""
        breaks = set() if self.style == "none" else self._breaks_in_values(body, len(body))[0]
        start = line = 0
        for next_line, match in enumerate(re.finditer(rb"\n", body), start=1):
            if match.start() not in breaks:
                yield line, body[start : match.end()]
                start, line = match.end(), next_line
        if start < len(body):
            yield line, body[start:]

    def is_flat(self, body: bytes) -> bool:
        """Whether every mark opens or closes a value, and none of the values spans lines."""
        marks, marks_before, is_proper = self._marks(body)
        return is_proper and not (marks_before % 2).any()

    def is_proper(self, body: bytes) -> bool:
        """Whether every mark opens or closes a value, and what they enclose is not mistaken: Arrow reads it alike."""
        if self.style == "none":
            return True
        _, marks_before, is_proper = self._marks(body)
        if not is_proper or not (marks_before % 2).any():
            return is_proper
        inside = int((marks_before % 2).sum())
        return self.trusts_breaks or len(self._breaks_in_values(body, len(body))[0]) == inside

    def _marks(self, body: bytes) -> tuple[np.ndarray, np.ndarray, bool]:
        """Where the marks are, how many precede each line break, and whether all open or close a value."""
        values = np.frombuffer(body, np.uint8)
        marks = np.flatnonzero(values == QUOTE)
        if not len(marks):
            return marks, marks, True
        marks_before = np.searchsorted(marks, np.flatnonzero(values == NEW_LINE))
        if len(marks) % 2 or (self.style == "backslash" and b"\\" in body):
            return marks, marks_before, False
        padded = np.concatenate([[NEW_LINE], values, [NEW_LINE]])
        before, after = padded[marks[::2]], padded[marks[1::2] + 2]
        doubled = marks[1::2][:-1] + 1 == marks[2::2]
        opens = (before == self.delimiter[0]) | (before == NEW_LINE)
        closes = (after == self.delimiter[0]) | (after == NEW_LINE) | (after == RETURN)
        opens[1:] |= doubled
        closes[:-1] |= doubled
        return marks, marks_before, bool(opens.all() and closes.all())

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        """A whole quoted value, and one that is still open at the end."""
        delimiter = re.escape(self.delimiter)
        opening = rb"(?:\A|(?<=[" + delimiter + rb'\n]))"' + _INSIDE[self.style]
        closed = re.compile(opening + rb'"(?=[' + delimiter + rb"\r\n]|\Z)", re.DOTALL)
        return closed, re.compile(opening + rb"\Z", re.DOTALL)

    def _breaks_in_values(self, block: bytes, end: int) -> tuple[set[int], int | None]:
        """The line breaks inside of quoted values, and where a value opens that is not closed before ``end``."""
        closed, unfinished = self._patterns
        breaks: set[int] = set()
        position = 0
        while match := closed.search(block, position, end):
            position = match.end()
            inside = [match.start() + found.start() for found in re.finditer(rb"\n", match[0])]
            if inside and self._is_mistaken(block, match.start(), position, breaks):
                position = inside[0] + 1
            else:
                breaks.update(inside)
        opened = unfinished.search(block, max(position, end - LONGEST_VALUE_BYTES), end)
        return breaks, opened.start() if opened else None

    def _is_mistaken(self, block: bytes, start: int, end: int, breaks: set[int]) -> bool:
        """Whether a value that spans lines is rather a mark that was never closed: each line could be a record."""
        if end - start > LONGEST_VALUE_BYTES:
            return True
        first = block.rfind(b"\n", 0, start) + 1
        if self.trusts_breaks or (first and first - 1 in breaks):
            return False
        last = block.find(b"\n", end)
        lines = block[first : last if last >= 0 else len(block)].split(b"\n")
        return all(line.count(self.delimiter) == self.n_columns - 1 for line in lines)
