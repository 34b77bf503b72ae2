"""What all tests share: a quiet environment, the repository's root, and projects in temporary folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from recexplainer.environment import set_quiet_environment

set_quiet_environment()
os.environ.setdefault("HF_HUB_OFFLINE", "1")

REPOSITORY = Path(__file__).resolve().parents[1]
OUTER = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME",
         "RECEXPLAINER_PARENT_RUN_ID")  # fmt: skip


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with params.yaml alone; whatever surrounds the test run does not reach into it."""
    for name in OUTER:
        monkeypatch.delenv(name, raising=False)
    shutil.copy(REPOSITORY / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking database that is ready: making one takes seconds."""
    from recexplainer import tracking

    folder = tmp_path_factory.mktemp("database")
    before, kept = Path.cwd(), {name: os.environ.pop(name) for name in OUTER if name in os.environ}
    os.chdir(folder)
    try:
        tracking.connect()
    finally:
        os.chdir(before)
        os.environ.update(kept)
    return folder / "mlflow.db"


@pytest.fixture
def project(empty_project: Path, database: Path) -> Iterator[Path]:
    """An empty project with a tracking store of its own."""
    import mlflow

    shutil.copy(database, empty_project / "mlflow.db")
    yield empty_project
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
