"""JSON, JSON lines and plain text."""

from __future__ import annotations

import contextlib
import json
import mmap
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from recexplainer.core.errors import InputError
from recexplainer.store.atomic import atomic_path

REMEDY = "run the stage that writes it (dvc repro)"


def write_json(path: Path | str, value: Any) -> None:
    """Write one JSON value, readable and in a stable order of keys as given.

    Raises:
        ValueError: for NaN or infinity, which JSON does not know.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read one JSON value.

    Raises:
        InputError: when the file is missing or malformed.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: is not valid JSON ({error.msg}); regenerate it") from None


def write_jsonl(path: Path | str, rows: Iterable[Any]) -> None:
    """Write one JSON value per line."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def read_jsonl(path: Path | str, required: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Read one JSON object per line; blank lines are not allowed.

    Raises:
        InputError: when the file is missing, a line is malformed, or a line lacks one of ``required``.
    """
    return list(jsonl_rows(path, required))


def jsonl_rows(path: Path | str, required: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """The objects of `read_jsonl`, one by one."""
    for number, line in numbered_lines(path):
        yield _json_object(path, number, line, required)


class JsonLines(Sequence[dict[str, Any]]):
    """The objects of `read_jsonl`, each read when it is asked for: the file is mapped into memory.

    Raises:
        InputError: when the file is missing, or, when an object is read, where `read_jsonl` does.
    """

    def __init__(self, path: Path | str, required: Sequence[str] = ()) -> None:
        self._path, self._required = path, required
        with _refusing(path, REMEDY), Path(path).open("rb") as file:
            self._edges = array("q", accumulate(map(len, file), initial=0))
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if len(self) else b""

    def __len__(self) -> int:
        return len(self._edges) - 1

    def __getitem__(self, number: int) -> dict[str, Any]:  # type: ignore[override]
        number = range(len(self))[number]
        start, end = self._edges[number], self._edges[number + 1]
        with _refusing(self._path, REMEDY, start):
            return _json_object(self._path, number + 1, self._bytes[start:end].decode(), self._required)


def _json_object(path: Path | str, number: int, line: str, required: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {number}: is not valid JSON ({error.msg})") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}: line {number}: expected a JSON object")
    missing = [key for key in required if key not in row]
    if missing:
        raise InputError(f"{path}: line {number}: has no {missing[0]!r}")
    return row


def numbered_lines(path: Path | str, remedy: str = REMEDY) -> Iterator[tuple[int, str]]:
    """The lines of a text, numbered from 1.

    Raises:
        InputError: see `read_text`.
    """
    text = read_text(path, remedy=remedy)
    yield from enumerate(text.removesuffix("\n").split("\n") if text else [], start=1)


def write_json_rows(path: Path | str, rows: Iterable[Any]) -> int:
    """Write a JSON array with one value per line, and return their number; all are never in memory together."""
    number = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(("[\n" if number == 0 else ",\n") + json.dumps(row, ensure_ascii=False, allow_nan=False))
            number += 1
        file.write("\n]\n" if number else "[]\n")
    return number


def write_text(path: Path | str, text: str, encoding: str = "utf-8") -> None:
    """Write a text, its line ends as they are."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode(encoding))


def read_text(path: Path | str, encoding: str = "utf-8", remedy: str = REMEDY) -> str:
    """Read a text; any line end is a line feed.

    Args:
        path: The file.
        encoding: UTF-8, or "utf-8-sig" where a program may have put its mark before it.
        remedy: What to do about a file that is missing.

    Raises:
        InputError: when it is missing, cannot be read, or is not UTF-8.
    """
    with _refusing(path, remedy):
        return Path(path).read_text(encoding=encoding)


@contextlib.contextmanager
def _refusing(path: Path | str, remedy: str, first: int = 0) -> Iterator[None]:
    """One line for a file that cannot be read as text; what is read of it begins at the byte `first`."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {remedy}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 at byte {first + error.start}; save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
