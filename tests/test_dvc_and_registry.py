"""DVC and the registry stay of one mind: a tiny pipeline of train, register and evaluate in a repository."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from recexplainer.tracking import runs
from tests.conftest import OUTER, REPOSITORY
from tests.tracking.registry.score_predictor import NAME

pytestmark = pytest.mark.slow

TRAIN = """
import yaml
from tests.tracking.registry.score_predictor import write_model
write_model(yaml.safe_load(open("weight.yaml"))["weight"])
"""
EVALUATE = """
import sys
from recexplainer import store
from recexplainer.tracking import registry
from recexplainer.discriminators.model import load_text_model
from recexplainer.stages import stage_main
def run(settings, run):
    pulled = registry.pull("score-predictor-both", "demo")
    value = float(load_text_model(pulled.folder).predict(["good"])[0])
    store.write_json("metrics/discriminators.json", {"weight": value})
sys.exit(stage_main("report", run)())
"""
REGISTER = f"sh {REPOSITORY}/bin/recexplainer register_discriminators"
PYTHON = sys.executable
PIPELINE: dict[str, Any] = {
    "train": {
        "cmd": f"{PYTHON} train.py", "params": [{"weight.yaml": ["weight"]}],
        "outs": ["models/discriminators"],
    },
    "register_discriminators": {
        "cmd": REGISTER, "always_changed": True, "deps": ["models/discriminators"],
        "outs": [{"registry/discriminators": {"cache": False, "persist": True}}],
    },
    "evaluate": {
        "cmd": f"{PYTHON} evaluate.py", "deps": ["registry/discriminators"],
        "metrics": [{"metrics/discriminators.json": {"cache": False}}],
    },
}  # fmt: skip

Command = Callable[..., "subprocess.CompletedProcess[str]"]
VARIABLES = {
    "PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}",
    "RECEXPLAINER_PYTHON": PYTHON,
    **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run_in(folder: Path, line: str, ok: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, as a user would; ``git`` and ``dvc`` by name; with more variables."""
    words = [PYTHON, "-m", *line.split()] if line.startswith("dvc ") else line.split()
    variables = {name: value for name, value in os.environ.items() if name not in OUTER} | VARIABLES | more
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, timeout=240)
    assert not ok or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Path:
    """The pipeline, run for weight 1 (commit and tag ``one``) and then for weight 2."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(database, folder / "mlflow.db")
    lay_out(folder)
    for weight, name in ((1, "one"), (2, "two")):
        set_weight(folder, weight)
        run_in(folder, "dvc repro")
        run_in(folder, "git add -A")
        run_in(folder, f"git commit -qm {name}")
        run_in(folder, f"git tag {name}")
    return folder


def lay_out(folder: Path) -> None:
    """Write the pipeline into a new repository."""
    shutil.copy(REPOSITORY / "params.yaml", folder / "params.yaml")
    (folder / "train.py").write_text(TRAIN)
    (folder / "evaluate.py").write_text(EVALUATE)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": PIPELINE}))
    (folder / ".gitignore").write_text("/models\n/mlflow.db*\n/mlruns\n/remote\n__pycache__\n")
    shutil.copytree(REPOSITORY / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    run_in(folder, "git init -q")


@pytest.fixture
def pipeline(finished: Path, empty_project: Path) -> Path:
    """A copy of the finished pipeline, which is the working folder; artefacts stay where they were logged."""
    shutil.copytree(finished, empty_project, dirs_exist_ok=True, symlinks=True)
    return empty_project


@pytest.fixture
def command(pipeline: Path) -> Command:
    """Run a program in the pipeline's folder."""
    return functools.partial(run_in, pipeline)


def set_weight(project: Path, weight: float) -> None:
    (project / "weight.yaml").write_text(f"weight: {weight}.0\n")


def evaluated(project: Path) -> float:
    return float(json.loads((project / "metrics" / "discriminators.json").read_text())["weight"])


def candidate() -> str:
    return str(runs.connect().get_model_version_by_alias(NAME, "candidate").version)


def test_evaluation_uses_what_dvcs_lock_names(pipeline: Path, command: Command) -> None:
    assert evaluated(pipeline) == 2 and candidate() == "2"

    # Nothing has changed: no file, no run.
    client = runs.connect()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments)
    command("dvc repro")
    assert command("git status --porcelain").stdout == ""
    assert len(client.search_runs(experiments)) == len(found)

    # Runs of one repro hang under one parent: two repros, each with a register and an evaluate run.
    parents = [run.data.tags.get("mlflow.parentRunId") for run in found]
    assert sorted(parents.count(parent) for parent in set(parents) - {None}) == [2, 2]

    # An older checkout: the model comes from the cache, the alias follows, the evaluation sees that model.
    command("git checkout -q one")
    command("dvc repro")
    command("dvc repro -f -s evaluate")
    assert evaluated(pipeline) == 1 and candidate() == "1"

    # Parameters edited by hand: every stage comes out of the run cache.
    set_weight(pipeline, 2)
    command("dvc repro")
    assert evaluated(pipeline) == 2 and candidate() == "2"

    # An alias that was moved by hand: a hard error in the evaluation, and the next repro puts it right.
    client.set_registered_model_alias(NAME, "candidate", "1")
    refused = command("dvc repro -f -s evaluate", ok=False)
    assert refused.returncode != 0 and not Path("metrics/discriminators.json").exists()
    assert len([line for line in refused.stderr.splitlines() if line.startswith("error: registry:")]) == 1
    command("dvc repro")
    assert evaluated(pipeline) == 2 and candidate() == "2"


def test_a_fresh_clone_registers_what_it_pulled(
    pipeline: Path, command: Command, database: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    remote = tmp_path_factory.mktemp("remote")
    command(f"dvc remote add -q -d store {remote / 'dvc'}")
    command("dvc push -q")
    command("git commit -qam remote")
    clone = remote / "clone"
    command(f"git clone -q {pipeline} {clone}")
    shutil.copy(database, clone / "mlflow.db")  # empty, and made beforehand only to save time
    run_in(clone, "dvc pull -q")
    done = run_in(clone, "dvc repro")
    assert "Stage 'train' didn't change, skipping" in done.stdout
    assert "Stage 'evaluate' didn't change, skipping" in done.stdout
    assert run_in(clone, "git status --porcelain").stdout == ""
    run_in(clone, "dvc repro -f -s evaluate")
    assert evaluated(clone) == 2


def test_a_fresh_clone_without_a_cache_makes_everything_again(
    pipeline: Path, command: Command, database: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The committed dvc.lock, metrics and pointers are those of a reference run; what it made is not there."""
    clone = tmp_path_factory.mktemp("clones") / "clone"
    command(f"git clone -q {pipeline} {clone}")
    shutil.copy(database, clone / "mlflow.db")
    done = run_in(clone, "dvc repro")
    assert "Running stage 'train'" in done.stdout and "Running stage 'register_discriminators'" in done.stdout
    assert run_in(clone, "git status --porcelain").stdout == "", "the same bytes as in the reference run"
    set_weight(clone, 3)
    run_in(clone, "dvc repro")
    assert evaluated(clone) == 3
    assert "discriminators.json" in run_in(clone, "dvc metrics diff").stdout


def test_two_repros_at_once_end_well_or_with_one_line(pipeline: Path, command: Command) -> None:
    from concurrent.futures import ThreadPoolExecutor

    set_weight(pipeline, 3)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: command("dvc repro", ok=False), range(2)))
    assert 0 in [done.returncode for done in both], [done.stderr for done in both]
    for done in both:
        assert "Traceback" not in done.stderr
    command("dvc repro")
    assert evaluated(pipeline) == 3
    assert len(runs.connect().search_model_versions(f"name = '{NAME}'")) == 3


def test_hashes_are_dvcs_own(pipeline: Path) -> None:
    from recexplainer.core.contents import dvc_md5

    lock = yaml.safe_load((pipeline / "dvc.lock").read_text())["stages"]
    assert dvc_md5(pipeline / "models/discriminators") == lock["train"]["outs"][0]["md5"]
    assert dvc_md5(pipeline / "metrics/discriminators.json") == lock["evaluate"]["outs"][0]["md5"]
