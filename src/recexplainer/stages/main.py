"""Run the whole pipeline, or some stages of it with all they need, under one parent run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from recexplainer import environment
from recexplainer.errors import InputError
from recexplainer.settings import load_settings
from recexplainer.tracking import open_run


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
            repro(arguments.targets.split(), run.run_id)
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
    variables = dict(os.environ)
    variables.pop("MLFLOW_RUN_ID", None)  # it would send every stage into this one run
    variables[environment.PARENT_RUN_VARIABLE] = parent_run
    variables["RECEXPLAINER_PYTHON"] = sys.executable
    subprocess.run([sys.executable, "-m", "dvc", "repro", *targets], env=variables, check=True)


if __name__ == "__main__":
    sys.exit(main())
