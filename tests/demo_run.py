"""The whole demo in a checkout of its own, begun when the tests begin: it is as long as all of them together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = ("MLFLOW_", "OMP_NUM_THREADS", "MKL_NUM_THREADS")  # what the tests set for themselves; kernels are the user's


@dataclass(frozen=True)
class DemoRun:
    """A pipeline on its way in `folder`; what it says goes to `log`."""

    folder: Path
    log: Path
    process: subprocess.Popen[bytes]

    def finished(self) -> Path:
        """The folder, once the pipeline has ended well."""
        assert self.process.wait() == 0, self.log.read_text(errors="replace")[-8000:]
        return self.folder


def start_demo(folder: Path) -> DemoRun:
    """Check the working tree out into a new folder as a fresh git repository, and start the pipeline there."""
    project, log = folder / "project", folder / "log"
    _check_out(project)
    command = [sys.executable, "-m", "recexplainer", "run"]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=project, env=environment(), stdout=file, stderr=subprocess.STDOUT)
    return DemoRun(project, log, process)


def environment() -> dict[str, str]:
    """What the Makefile sets, and nothing of the tests' own."""
    outer = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
    return outer | {
        "PYTHONPATH": "src",
        "RECEXPLAINER_PYTHON": sys.executable,
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DVC_NO_ANALYTICS": "1",
    }


def _check_out(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout  # fmt: skip
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-qm", "t"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
