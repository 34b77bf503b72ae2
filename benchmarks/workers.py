"""Processes that answer one question after the other, each within its time; the next question outlives a crash."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

N_LINES = 12  # of an error


class NotRunError(Exception):
    """This machine lacks what the question needs."""


class Worker:
    """A process that is started when it is first asked, and anew when it failed or took too long.

    Args:
        answers: Makes what answers a question by its name; it is called once in each process.
        log: Takes what the process prints.
        environment: Changes to the process's environment.
    """

    def __init__(
        self, answers: Callable[[], Callable[[str], Any]], log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.answers, self.log, self.environment = answers, log, environment or {}
        self.process: Any = None

    def ask(self, question: str, seconds: float) -> dict[str, Any]:
        """The outcome: `state` (done, not run, failed, out of time), `seconds`, and `figures`, `reason` or `error`."""
        began = time.monotonic()
        if self.process is None:
            self._start()
        with contextlib.suppress(OSError):
            self.connection.send(question)
        outcome = self._wait(seconds)
        if outcome["state"] not in ("done", "not run"):
            self.stop()
        return {**outcome, "seconds": round(time.monotonic() - began, 1)}

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
        self.process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        given = (self.answers, other, self.log, self.environment)
        self.process = context.Process(target=_serve, args=given, daemon=True)
        self.process.start()
        other.close()

    def _wait(self, seconds: float) -> dict[str, Any]:
        try:
            if self.connection.poll(max(0.0, seconds)):
                return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            lines = self.log.read_text(errors="replace").splitlines()[-N_LINES:] if self.log.is_file() else []
            return {"state": "failed", "error": [*lines, f"the process ended with code {self.process.exitcode}"]}
        return {"state": "out of time", "limit": round(seconds, 1)}


def _serve(answers: Callable[[], Callable[[str], Any]], asked: Connection, log: Path, env: dict[str, str]) -> None:
    os.environ.update(env)
    with _printing_to(log), contextlib.suppress(EOFError):
        answer: Callable[[str], Any] | None = None
        while True:
            question = asked.recv()
            try:
                answer = answer or answers()
                asked.send({"state": "done", "figures": answer(question)})
            except NotRunError as error:
                asked.send({"state": "not run", "reason": str(error)})
            except Exception:
                traceback.print_exc()
                asked.send({"state": "failed", "error": traceback.format_exc().splitlines()[-N_LINES:]})


@contextlib.contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """All that the process prints goes to a file, what libraries in C print too."""
    with log.open("a") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        yield
