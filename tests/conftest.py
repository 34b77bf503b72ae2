"""What all tests share: a quiet environment, the repository's root, and projects in temporary folders."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recexplainer.core.environment import set_quiet_environment
from recexplainer.data.catalogue import Catalogue
from tests.demo_run import DemoRun, start_demo

set_quiet_environment()
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # what is small is slower on several threads, much slower beside the demo

REPOSITORY = Path(__file__).resolve().parents[1]
DEMO = "test_demo.py"
OUTER = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME",
         "RECEXPLAINER_PARENT_RUN_ID")  # fmt: skip
GIVEN = {name: os.environ[name] for name in OUTER if name in os.environ}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The demo's own tests come last: it runs meanwhile."""
    items.sort(key=lambda item: item.path.name == DEMO)


@pytest.fixture(scope="session", autouse=True)
def demo_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun | None]:
    """The demo's pipeline, on its way beside all other tests; None where no test asks for it."""
    if not any(item.path.name == DEMO for item in request.session.items):
        yield None
        return
    run = start_demo(tmp_path_factory.mktemp("demo"))
    yield run
    run.process.terminate()
    run.process.wait()


@pytest.fixture(autouse=True)
def no_store_is_left_over() -> Iterator[None]:
    """MLflow writes the store that it points to into the environment; the next test must not find it."""
    yield
    leave_store()


def leave_store() -> None:
    """End open runs and forget the tracking store, in MLflow and in the environment."""
    if "mlflow" in sys.modules:
        mlflow = sys.modules["mlflow"]
        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.update(GIVEN)


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
    from recexplainer.tracking import runs

    folder = tmp_path_factory.mktemp("database")
    before = Path.cwd()
    os.chdir(folder)
    for name in OUTER:
        os.environ.pop(name, None)
    try:
        runs.connect()
    finally:
        os.chdir(before)
        leave_store()
    return folder / "mlflow.db"


@pytest.fixture
def project(database: Path, empty_project: Path) -> Path:
    """An empty project with a tracking store of its own."""
    shutil.copy(database, empty_project / "mlflow.db")
    return empty_project


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a base model of two layers with random weights (see tests/tiny.py)."""
    from tests import tiny

    return tiny.write_base(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="session")
def games() -> Catalogue:
    """A catalogue of games whose titles are hard to find in texts (see tests/faithfulness/fakes.py)."""
    from tests.faithfulness.fakes import make_games

    return make_games()
