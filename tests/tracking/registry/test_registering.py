from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recexplainer.core.settings import load_settings
from recexplainer.tracking import registry, runs
from tests.conftest import REPOSITORY
from tests.tracking.registry.score_predictor import FOLDER, NAME, ROLE, register, write_model

pytestmark = pytest.mark.slow


def test_equal_content_is_registered_once_and_the_alias_follows(project: Path) -> None:
    assert register(1.0) == "1" and register(2.0) == "2"
    assert register(1.0) == "1"
    assert registry.pull(ROLE, "demo").version == "1"
    assert len(runs.connect().search_model_versions(f"name = '{NAME}'")) == 2


def test_the_quick_look_agrees_with_the_registry(project: Path) -> None:
    write_model(1.0)
    assert not registry.is_registered(FOLDER, ROLE, "demo")
    register()
    assert registry.is_registered(FOLDER, ROLE, "demo")
    write_model(2.0)
    assert not registry.is_registered(FOLDER, ROLE, "demo")
    register()
    assert registry.is_registered(FOLDER, ROLE, "demo")
    runs.connect().set_registered_model_alias(NAME, "candidate", "1")
    assert not registry.is_registered(FOLDER, ROLE, "demo")
    register()
    shutil.rmtree("mlruns")
    assert not registry.is_registered(FOLDER, ROLE, "demo")


def test_what_a_stage_logged_becomes_the_version(project: Path) -> None:
    write_model(3.0)
    with runs.open_run("discriminate", load_settings()) as run:
        model = registry.log_model_folder(FOLDER, ROLE, "demo")
    register()
    version = runs.connect().get_model_version(NAME, "1")
    assert version.run_id == run.run_id and model in version.source


def test_a_registered_model_says_what_it_is_and_keeps_what_people_say(project: Path) -> None:
    register(1.0)
    client = runs.connect()
    made = client.get_registered_model(NAME)
    assert made.description.startswith("Predicts the recommender's score") and made.tags["role"] == ROLE
    client.update_registered_model(NAME, "Ours.")
    register(2.0)
    assert client.get_registered_model(NAME).description == "Ours."


def test_two_processes_make_one_version(project: Path) -> None:
    write_model(1.0)
    code = "from tests.tracking.registry.score_predictor import register; print(register())"
    variables = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'src'}"}
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0].strip() for process in both] == ["1", "1"]
    assert len(runs.connect().search_model_versions(f"name = '{NAME}'")) == 1
