"""Run the whole pipeline, or some stages of it with all they need, under one parent run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recexplainer import environment
from recexplainer.errors import InputError
from recexplainer.settings import load_settings
from recexplainer.tracking import open_run

_DVC_REPRO = (sys.executable, "-m", "dvc", "repro")


def main(argv: list[str] | None = None) -> int:
    """Exit with 0 when ``dvc repro`` succeeded, else with its exit code; 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m recexplainer.stages.main", allow_abbrev=False)
    parser.add_argument("--targets", default="", help="stages, separated by blanks; none means all")
    arguments = parser.parse_args(argv)
    try:
        settings = load_settings()
        if not Path("dvc.yaml").is_file():
            raise InputError("dvc.yaml: no such file; run this in the project's root")
        with open_run("main", settings, sections=("run", "dataset")) as run:
            targets = arguments.targets.split()
            if not targets and settings.run.parallel > 1:
                align_side_by_side(settings.align.modes, settings.run.parallel, run.run_id)
            repro(targets, run.run_id)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(
            f"error: dvc repro ended with exit code {error.returncode}; its own message is above",
            file=sys.stderr,
        )
        return error.returncode if error.returncode > 0 else 1
    except KeyboardInterrupt:
        return 130
    return 0


def repro(targets: list[str], parent_run: str) -> None:
    """Run ``dvc repro`` with this Python; the runs of its stages hang under ``parent_run``.

    Raises:
        subprocess.CalledProcessError: when it fails.
    """
    subprocess.run([*_DVC_REPRO, *targets], env=_variables(parent_run), check=True)


def align_side_by_side(modes: Sequence[str], parallel: int, parent_run: str) -> None:
    """Run what comes before `align`, then the modes of `align` in `parallel` processes, dearest first.

    DVC runs one stage after the other, and a small model keeps no more than one core busy. Whatever fails here is left
    to the ``dvc repro`` that follows, which runs it again and says why.

    Raises:
        subprocess.CalledProcessError: when a stage before `align` fails.
    """
    repro(["draft_explanations"], parent_run)

    def align(mode: str) -> None:
        subprocess.run([*_DVC_REPRO, "--single-item", f"align@{mode}"], env=_variables(parent_run), check=False)

    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(align, reversed(modes)))  # modes stand from the cheapest to the dearest


def _variables(parent_run: str) -> dict[str, str]:
    variables = {**os.environ, environment.PARENT_RUN_VARIABLE: parent_run, "RECEXPLAINER_PYTHON": sys.executable}
    variables.pop("MLFLOW_RUN_ID", None)  # it would send every stage into this one run
    return variables


if __name__ == "__main__":
    sys.exit(main())
