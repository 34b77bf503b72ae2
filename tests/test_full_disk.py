"""A disk that is full: one line, exit code 2, and nothing half-written, wherever the space ends."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError, ends_clearly
from tests import tiny
from tests.conftest import OUTER, REPOSITORY
from tests.tracking.registry.score_predictor import write_model

# A copy of the project on a disk of its own that is filled but for some KiB; what a command leaves there is listed.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size=32m tmpfs disk && cp -a project/. disk && cd disk || exit 99
dd if=/dev/zero of=filler bs=1024 count=$(($(df -k --output=avail . | tail -1) - $1)) 2>/dev/null
find . -type f | sort > ../before
shift
"$@"
code=$?
find . -type f | sort > ../after
exit $code
"""
IN_A_SPACE_OF_ITS_OWN = ("unshare", "--mount", "--map-root-user")
VARIABLES = {"PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}", "PYTHONDONTWRITEBYTECODE": "1"}


def can_mount() -> bool:
    command = [*IN_A_SPACE_OF_ITS_OWN, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def run_with_room(folder: Path, kibibytes: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a stage in a copy of ``folder/project`` with so much room beside it."""
    (folder / "disk").mkdir(exist_ok=True)
    command = [*IN_A_SPACE_OF_ITS_OWN, "sh", "-c", ON_A_SMALL_DISK, "sh", str(kibibytes), sys.executable, "-m", *words]
    variables = {name: value for name, value in os.environ.items() if name not in OUTER} | VARIABLES
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=200)


def left_over(folder: Path) -> set[str]:
    """The files that a run left on the disk, apart from the tracking store's own."""
    before, after = ((folder / name).read_text().splitlines() for name in ("before", "after"))
    return {name for name in set(after) - set(before) if not name.startswith(("./mlruns/", "./mlflow.db"))}


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a disk in a space of its own")
@pytest.mark.parametrize(
    ("stage", "options", "kibibytes"),
    [
        ("generate_demo", (), 150),  # the raw data
        ("build_alignment", (), 16),  # MLflow's database
        ("align", ("--mode", "both"), 60),  # a checkpoint
        ("align", ("--mode", "both"), 300),  # the explainer, or its copy among MLflow's artefacts
        ("register_discriminators", (), 150),  # the copy alone
    ],
)
def test_a_stage_on_a_full_disk_ends_with_one_line(
    base: Path, database: Path, empty_project: Path, stage: str, options: tuple[str, ...], kibibytes: int
) -> None:
    project = empty_project / "project"
    project.mkdir()
    for file in (database, empty_project / "params.yaml"):
        shutil.copy(file, project)
    with contextlib.chdir(project):
        tiny.write_prepared()
        tiny.write_alignment()
        write_model(1.0)
    chosen = (
        *tiny.SMALL,
        f"llm.base={base}",
        "align.epochs={behaviour: 1, intention: 1, both: 1}",
        "align.save_steps=1",
    )
    words = [part for assignment in chosen for part in ("-S", assignment)]
    done = run_with_room(empty_project, kibibytes, "recexplainer", stage, *options, *words)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.endswith("; free some space and run this again")
    left = left_over(empty_project)
    assert not [name for name in left if ".tmp-" in name or name.startswith(("./data/", "./registry/"))]
    checkpoints = {name.rpartition("/")[0] for name in left if "/checkpoint-" in name}
    assert all(f"{folder}/trainer_state.json" in left for folder in checkpoints)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some/file"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),  # of a Rust library
    ],
)
def test_whoever_reports_it_the_file_is_named_and_stays_as_it_was(tmp_path: Path, error: Exception) -> None:
    store.write_text(tmp_path / "a.txt", "before")
    with pytest.raises(InputError, match=r"a\.txt: .*; free some space and run this again$"), \
            store.atomic_path(tmp_path / "a.txt") as temporary:  # fmt: skip
        temporary.write_text("half")
        raise error
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_command_that_meets_a_limit_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def main() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            (tmp_path / "large").write_bytes(bytes(1000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        return 0

    assert ends_clearly(main)() == 2
    assert capsys.readouterr().err == "error: a write failed: File too large; free some space and run this again\n"
    with pytest.raises(OSError, match="Is a directory"):  # every other error is the program's own
        ends_clearly(lambda: len(tmp_path.read_bytes()))()
