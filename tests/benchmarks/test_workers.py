"""Parts of a benchmark that fail, crash, take too long or cannot be run cost only themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.workers import NotRunError, Worker


def answers() -> Callable[[str], int]:
    asked: list[str] = []

    def answer(question: str) -> int:
        asked.append(question)
        if question == "fail":
            raise ValueError("a clear reason")
        if question == "crash":
            os.write(2, b"a library's last words\n")
            os._exit(3)
        if question == "sleep":
            time.sleep(600)
        if question == "bare":
            raise NotRunError("no GPU")
        return len(asked)

    return answer


def test_one_process_answers_until_a_question_breaks_it(tmp_path: Path) -> None:
    worker = Worker(answers, tmp_path / "log")
    first, bare, third = (worker.ask(question, 120) for question in ("first", "bare", "third"))
    failed, anew = worker.ask("fail", 120), worker.ask("again", 120)
    worker.stop()
    assert (first["state"], first["figures"]) == ("done", 1)
    assert (bare["state"], bare["reason"]) == ("not run", "no GPU")
    assert third["figures"] == 3
    assert failed["state"] == "failed" and failed["error"][-1] == "ValueError: a clear reason"
    assert anew["figures"] == 1


def test_a_crash_and_an_endless_part_leave_the_next_one_its_chance(tmp_path: Path) -> None:
    worker = Worker(answers, tmp_path / "log")
    crashed, ready = worker.ask("crash", 120), worker.ask("next", 120)
    endless, last = worker.ask("sleep", 0.5), worker.ask("last", 120)
    worker.stop()
    assert crashed["state"] == "failed"
    assert crashed["error"] == ["a library's last words", "the process ended with code 3"]
    assert (endless["state"], endless["limit"]) == ("out of time", 0.5)
    assert ready["figures"] == last["figures"] == 1
