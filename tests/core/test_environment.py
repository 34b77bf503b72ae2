from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.utils import launch

from recexplainer.core import environment
from recexplainer.core.environment import _is_dvc
from recexplainer.core.errors import InputError
from recexplainer.llm.sharding import shard
from tests.conftest import REPOSITORY


def test_the_store_stands_in_the_projects_root(empty_project: Path) -> None:
    assert environment.tracking_uri() == f"sqlite:///{empty_project.resolve()}/mlflow.db"
    assert environment.artifact_root(environment.tracking_uri()) == f"file://{empty_project.resolve()}/mlruns"


def test_a_temporary_experiment_uses_the_project_it_came_from(
    empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = empty_project / ".dvc" / "tmp" / "exps" / "tmpabc" / "sub"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert environment.project_root() == empty_project.resolve()


def test_a_given_address_is_made_absolute(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db")
    assert environment.tracking_uri() == f"sqlite:///{empty_project.resolve()}/x.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert environment.tracking_uri() == "http://host:5000"
    assert environment.artifact_root("http://host:5000") is None


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "mine")
    environment.set_quiet_environment()
    assert os.environ["DO_NOT_TRACK"] == "mine"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dvc repro", True),
        ("/x/.venv/bin/dvc repro align@both", True),
        ("/x/python /x/.venv/bin/dvc repro", True),
        ("python -m dvc repro", True),
        ("/x/python -I /x/bin/dvc exp run", True),
        ("dvc status", False),
        ("python train.py dvc repro", False),
        ("vim dvc", False),
        ("sh -c sh bin/recexplainer align", False),
    ],
)
def test_dvc_is_recognised_by_its_command_line(line: str, expected: bool) -> None:
    assert _is_dvc(line.split()) is expected


def test_a_turn_that_does_not_come_is_one_clear_line(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "LOCK_SECONDS", 0.01)
    with environment.exclusive("registry"):
        told = pytest.raises(InputError, match=r"recexplainer-registry-.*\.lock: another process has held")
        with told, environment.exclusive("registry"):
            pass
        with environment.exclusive("database"):
            pass
    with environment.exclusive("registry"):
        pass


def test_two_children_of_one_repro_name_the_same_one(tmp_path: Path) -> None:
    fake = tmp_path / "dvc"
    ask = f"'{sys.executable}' -c 'from recexplainer.core import environment; print(environment.calling_repro())'"
    fake.write_text(f"import subprocess\nfor _ in range(2): subprocess.run({ask!r}, shell=True, check=True)\n")
    variables = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    seen = [
        subprocess.run(
            [sys.executable, str(fake), "repro"], env=variables, check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]  # fmt: skip
    assert seen[0][0] == seen[0][1] != seen[1][0] == seen[1][1]
    assert "None" not in seen[0] + seen[1]


def test_a_launch_with_fsdp_shards_the_llm_and_one_with_deepspeed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in (environment.FSDP, environment.DEEPSPEED):
        assert f'"{flag}"' in Path(launch.__file__).read_text()  # accelerate calls it so
        monkeypatch.setenv(flag, "false")
    monkeypatch.setenv(environment.FSDP, "true")
    monkeypatch.setattr("accelerate.PartialState", lambda: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(os.environ, environment.SHARDED_VARIABLE, "")  # what is set below ends with the test
    monkeypatch.delitem(os.environ, environment.SHARDED_VARIABLE)
    assert not environment.llm_is_sharded()
    environment.join_processes()
    environment.join_processes()
    assert environment.llm_is_sharded() and environment.FSDP not in os.environ
    assert list(shard(range(4))) == [0, 1, 2, 3]
    monkeypatch.delenv(environment.SHARDED_VARIABLE)
    assert list(shard(range(4))) == [0, 2]
    monkeypatch.setenv(environment.DEEPSPEED, "true")
    with pytest.raises(InputError, match="accelerate: DeepSpeed is not supported.*accelerate/fsdp.yaml"):
        environment.join_processes()
