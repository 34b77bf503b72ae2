"""Whoever ends a stage, its run says so: by SIGTERM or Ctrl-C, one process or several, with the run above it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from recexplainer.core import environment, interruptions
from recexplainer.core.interruptions import Terminated, free_frames, sigterm_raises
from recexplainer.core.settings import Settings
from recexplainer.stages import StageRun, stage_main
from recexplainer.tracking import runs
from tests import tiny
from tests.alignment.test_trainer import two
from tests.conftest import REPOSITORY

VARIABLES = {
    "PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}",
    "RECEXPLAINER_PYTHON": sys.executable,
    "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "100",  # torchrun kills after 30 s; a busy machine takes longer
}
ENDLESS = "align.epochs={behaviour: 1, intention: 1, both: 9999}"
ALIGN = ("-m", "recexplainer", "align", "--mode", "both", "-S", ENDLESS)
SLEEPS = """
import sys, time
from pathlib import Path
from recexplainer.stages import stage_main
def run(settings, run):
    Path("ready").touch()
    time.sleep(60)
sys.exit(stage_main("report", run)())
"""


def tracked_runs() -> list[Any]:
    client = runs.connect()
    return list(client.search_runs([runs.experiment_id(client, "demo")]))


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A Python process in a session of its own, so that no signal reaches the tests."""
    variables = os.environ | VARIABLES
    command = [sys.executable, *words]
    return subprocess.Popen(
        command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(reached: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 200
    while not reached():
        assert process.poll() is None and time.monotonic() < end, process.stderr and process.stderr.read()
        time.sleep(0.2)


@pytest.fixture(autouse=True)
def an_unhandled_sigterm_fails_the_test() -> Iterator[None]:
    """And does not end all tests; whoever handles it puts this handler back."""

    def unhandled(number: int, frame: object) -> None:
        raise AssertionError("SIGTERM was not handled")

    before = signal.signal(signal.SIGTERM, unhandled)
    ignored = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job starts with it ignored
    yield
    signal.signal(signal.SIGINT, ignored)
    assert signal.signal(signal.SIGTERM, before) is unhandled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "line"), [(signal.SIGTERM, 143, "error: terminated"), (signal.SIGINT, 130, "error: interrupted")]
)
def test_an_interrupted_stage_leaves_its_run_and_the_run_above_it_killed(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    code: int,
    line: str,
) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        os.kill(os.getpid(), number)
        time.sleep(60)

    monkeypatch.setattr(environment, "calling_repro", lambda: "17-1")
    assert stage_main("prepare", body)([]) == code
    assert capsys.readouterr().err.splitlines()[-1] == line
    ended = {run.info.run_name: run.info.status for run in tracked_runs()}
    assert ended == {"prepare (demo)": "KILLED", "dvc repro (demo)": "KILLED"}


def test_a_second_sigterm_does_not_interrupt_the_closing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    assert stage_main("prepare", body)([]) == 143
    assert [run.info.status for run in tracked_runs()] == ["KILLED"]


class SlowToFree:
    """An object that is still being freed when the process is interrupted."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)  # the handler runs here


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_that_python_drops_comes_again(
    project: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        SlowToFree(number)
        time.sleep(10)
        raise AssertionError("not interrupted")

    assert stage_main("prepare", body)([]) == 128 + number
    assert [run.info.status for run in tracked_runs()] == ["KILLED"]
    assert "ignored" not in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_else_python_drops_is_left_to_its_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def hook(dropped: Any) -> None:
        seen.append(dropped.exc_value)

    error = ValueError("dropped")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "unraisablehook", hook)
        with sigterm_raises():
            _Raises(error)
        assert seen == [error] and sys.unraisablehook is hook


class _Raises:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


def test_a_dropped_interruption_does_not_outlive_its_command() -> None:
    alarms: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: alarms.append(number))
    timer = signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        with sigterm_raises():
            SlowToFree(signal.SIGTERM)
            assert signal.getitimer(signal.ITIMER_REAL)[0] < 1
        time.sleep(0.3)  # no interruption comes
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 90 and not alarms
        signal.raise_signal(signal.SIGALRM)
        assert alarms  # whoever used the alarm has it again
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_an_alarm_that_comes_before_the_hook_has_ended_waits(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine; what is raised in the hook itself is dropped as well, for good."""
    slow = signal.setitimer

    def setitimer(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        result = slow(which, seconds, interval)
        if seconds == interruptions.SECONDS_TO_RETURN and len(waited) < 2:
            waited.append(seconds)
            time.sleep(0.05)
        return result

    waited: list[float] = []
    monkeypatch.setattr(interruptions, "SECONDS_TO_RETURN", 0.01)
    monkeypatch.setattr(signal, "setitimer", setitimer)
    with pytest.raises(Terminated), sigterm_raises():
        SlowToFree(signal.SIGTERM)
        time.sleep(10)
    assert len(waited) == 2


def test_frames_are_freed_of_errors_that_name_each_other() -> None:
    first, second = KeyboardInterrupt(), ValueError()
    first.__context__, second.__context__ = second, first
    free_frames(first)


def test_an_interruption_amid_a_query_leaves_no_lock_on_the_tracking_database(project: Path) -> None:
    def query() -> None:
        connection = sqlite3.connect(project / "mlflow.db")
        rows = connection.execute("select * from experiments, runs, tags")  # locks, until its last row is read
        next(rows)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    def body(settings: Settings, run: StageRun) -> None:
        query()

    assert stage_main("prepare", body)([]) == 143
    assert [run.info.status for run in tracked_runs()] == ["KILLED"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [(), two("ddp")], ids=["alone", "two_processes"])
def test_alignment_that_is_terminated_in_the_middle_is_killed(
    base: Path, project: Path, launcher: tuple[str, ...]
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    chosen = [
        part for assignment in (*tiny.SMALL, f"llm.base={base}", "align.rows_per_step=2") for part in ("-S", assignment)
    ]
    process = started(project, *launcher, *ALIGN, *chosen)
    wait_for(lambda: any("loss" in run.data.metrics for run in tracked_runs()), process)
    process.send_signal(signal.SIGTERM)
    written = process.communicate(timeout=150)[1]  # torchrun adds a traceback of its own
    assert process.returncode and "error: terminated" in written.splitlines()
    assert launcher or "Traceback" not in written
    assert [run.info.status for run in tracked_runs()] == ["KILLED"], written
    assert not [path for path in project.rglob("*") if path.name.startswith((".tmp-", "explainer-"))]


@pytest.mark.slow
def test_a_terminated_pipeline_ends_its_stage_and_both_runs(project: Path) -> None:
    (project / "sleeps.py").write_text(SLEEPS)
    stages = {"report": {"cmd": f"{sys.executable} sleeps.py", "outs": ["never"]}}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for command in ("git init -q", f"{sys.executable} -m dvc init -q"):
        subprocess.run(command.split(), check=True)
    process = started(project, "-m", "recexplainer", "run", "--targets", "report")
    wait_for((project / "ready").exists, process)
    process.send_signal(signal.SIGTERM)
    lines = process.communicate(timeout=120)[1].splitlines()
    assert process.returncode == 143 and lines.count("error: terminated") == 2  # the stage's and the pipeline's
    assert {run.info.run_name: run.info.status for run in tracked_runs()} == {
        "report (demo)": "KILLED",
        "main (demo)": "KILLED",
    }
