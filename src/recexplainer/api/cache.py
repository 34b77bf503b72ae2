"""Answers that were paid for, kept on disk line by line, so that nothing is asked twice."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class AnswerCache:
    """An append-only file of JSON lines, one answer per line under its request's key.

    Each line is forced to the disk before `put` returns: a killed process loses the answers in flight and no
    other. A line that a kill cut off is passed over at the next opening, and counted in `n_damaged`. A second
    process that opens the file waits until the first has closed it or died, so that the two do not pay for the
    same answers.
    """

    def __init__(self, path: Path) -> None:
        self._answers: dict[str, dict[str, Any]] = {}
        self.n_damaged = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            self._lock(path)
        except BaseException:
            self._file.close()
            raise
        self._file.seek(0)
        content = self._file.read()
        for line in content.split(b"\n"):
            self._take(line)
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")

    def __enter__(self) -> Self:
        """Use the open file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer to a request, None if it was never answered."""
        return self._answers.get(key)

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer, on the disk too."""
        line = json.dumps({"key": key, **answer}, ensure_ascii=False) + "\n"
        self._file.write(line.encode("utf-8", errors="backslashreplace"))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._answers[key] = answer

    def _lock(self, path: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{path}: in use by another run; waiting for it to end", file=sys.stderr)
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            answer = json.loads(line)
            self._answers[str(answer.pop("key"))] = answer
        except (ValueError, KeyError, AttributeError, TypeError):
            self.n_damaged += 1
