from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recexplainer import registry, store, tracking
from recexplainer.discriminators.model import LinearTextModel
from recexplainer.errors import InputError
from recexplainer.settings import load_settings

ROLE = "score-predictor-both"
NAME = f"recexplainer-demo-{ROLE}"
FOLDER = store.DISCRIMINATORS / ROLE


def write_model(weight: float) -> None:
    """A tiny score predictor: the text "good" scores ``weight``."""
    LinearTextModel(
        task="regress", labels=(), vocabulary=("good",), idf=np.ones(1), coefficients=np.array([[weight]]),
        intercepts=np.zeros(1), max_ngram=1,
    ).save(FOLDER)  # fmt: skip


def register(weight: float | None = None) -> str:
    """What the stage does, in one step; return the version."""
    if weight is not None:
        write_model(weight)
    settings = load_settings()
    version = registry.register(FOLDER, ROLE, "demo", lambda: tracking.open_run("register_discriminators", settings))
    registry.write_pointer(FOLDER, ROLE, "demo")
    return version


def test_equal_content_is_registered_once_and_the_alias_follows(project: Path) -> None:
    assert register(1.0) == "1" and register(2.0) == "2"
    assert register(1.0) == "1"
    assert registry.pull(ROLE, "demo").version == "1"
    assert len(tracking.connect().search_model_versions(f"name = '{NAME}'")) == 2


def test_the_quick_look_agrees_with_the_registry(project: Path) -> None:
    write_model(1.0)
    assert not registry.is_registered(FOLDER, ROLE, "demo")
    register()
    assert registry.is_registered(FOLDER, ROLE, "demo")
    write_model(2.0)
    assert not registry.is_registered(FOLDER, ROLE, "demo")
    register()
    assert registry.is_registered(FOLDER, ROLE, "demo")
    tracking.connect().set_registered_model_alias(NAME, "candidate", "1")
    assert not registry.is_registered(FOLDER, ROLE, "demo")
    register()
    shutil.rmtree("mlruns")
    assert not registry.is_registered(FOLDER, ROLE, "demo")


def test_what_a_stage_logged_becomes_the_version(project: Path) -> None:
    write_model(3.0)
    with tracking.open_run("discriminate", load_settings()) as run:
        model = registry.log_model_folder(FOLDER, ROLE, "demo")
    register()
    version = tracking.connect().get_model_version(NAME, "1")
    assert version.run_id == run.run_id and model in version.source


def test_it_is_served_without_pickle(project: Path) -> None:
    import mlflow

    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    register(2.0)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@candidate")
    assert model.predict(pd.DataFrame({"text": ["good", "bad"]}))["prediction"].tolist() == [2.0, 0.0]
    assert not [path for path in Path("mlruns").rglob("*") if path.suffix in (".pkl", ".pickle")]
    requirements = next(Path("mlruns").rglob("requirements.txt")).read_text().splitlines()
    assert "torch==2.13.0" in requirements
    registry.pull(ROLE, "demo")  # serving has not changed the stored files


def test_a_moved_alias_is_refused(project: Path) -> None:
    register(1.0)
    register(2.0)
    tracking.connect().set_registered_model_alias(NAME, "candidate", "1")
    with pytest.raises(InputError, match=r"@candidate is version 1 with content \w+, but DVC names content "
                       r"\w+ \(version 2\); run dvc repro"):  # fmt: skip
        registry.pull(ROLE, "demo")
    register()
    assert registry.pull(ROLE, "demo").version == "2"


def test_an_older_pointer_asks_for_the_older_content(project: Path) -> None:
    register(1.0)
    old = store.pointer(ROLE).read_text()
    register(2.0)
    store.pointer(ROLE).write_text(old)
    with pytest.raises(InputError, match=r"DVC names content \w+ \(version 1\)"):
        registry.pull(ROLE, "demo")


def test_damaged_files_are_refused(project: Path) -> None:
    register(1.0)
    stored = registry.pull(ROLE, "demo").folder / "config.json"
    stored.write_text(stored.read_text() + " ")
    with pytest.raises(InputError, match="the files of .* version 1 were changed"):
        registry.pull(ROLE, "demo")


def test_unknown_alias_model_role_and_missing_pointer(project: Path) -> None:
    with pytest.raises(InputError, match="no such pointer; register the model first"):
        registry.pull(ROLE, "demo")
    write_model(1.0)
    registry.write_pointer(FOLDER, ROLE, "demo")
    with pytest.raises(InputError, match="has no alias 'candidate'; no such model is registered here; run dvc repro"):
        registry.pull(ROLE, "demo")
    register()
    with pytest.raises(InputError, match=r"has no alias 'staging'; it has candidate \(version 1\)"):
        registry.pull(ROLE, "demo", "staging")
    with pytest.raises(InputError, match="is of recexplainer-demo-score-predictor-both, not of recexplainer-other"):
        registry.pull(ROLE, "other")
    with pytest.raises(InputError, match="unknown role 'explainer-'; roles are recommender-…, explainer-…"):
        registry.registered_name("demo", "explainer-")


def test_another_alias_must_hold_what_dvc_names(project: Path) -> None:
    register(1.0)
    registry.promote(ROLE, "demo", "candidate", "staging", "first")
    assert registry.pull(ROLE, "demo", "staging").version == "1"
    register(2.0)
    with pytest.raises(InputError, match=r"@staging is version 1 .*\(version 2\); check out the commit .*promote"):
        registry.pull(ROLE, "demo", "staging")


def test_a_promotion_is_recorded(project: Path) -> None:
    register(1.0)
    done = registry.promote(ROLE, "demo", "candidate", "staging", "it is good", {"m:x": 0.5})
    assert "staging is now version 1 (from candidate; before: nothing)" in done
    tags = tracking.connect().get_model_version_by_alias(NAME, "staging").tags
    assert tags["promoted.staging.from"] == "candidate" and tags["promoted.staging.why"] == "it is good"
    assert tags["promoted.staging.by"] and tags["promoted.staging.at"].endswith("+00:00")
    assert tags["promoted.staging.measured"] == '{"m:x": 0.5}'
    register(2.0)
    assert "before: version 1" in registry.promote(ROLE, "demo", "candidate", "staging")


@pytest.mark.parametrize("alias", ["latest", "v1", "candidate", "a b", ""])
def test_some_words_are_no_alias_to_promote_to(project: Path, alias: str) -> None:
    register(1.0)
    with pytest.raises(InputError, match="^registry: "):
        registry.promote(ROLE, "demo", "candidate", alias)


def test_only_what_was_measured_here_is_promoted(project: Path) -> None:
    register(1.0)
    registry.promote(ROLE, "demo", "candidate", "staging")
    register(2.0)
    with pytest.raises(InputError, match="@staging has content .*, the metrics here describe"):
        registry.promote(ROLE, "demo", "staging", "production")


@pytest.mark.slow
def test_two_processes_make_one_version(project: Path) -> None:
    write_model(1.0)
    code = "import tests.test_registry as t; print(t.register())"
    repository = str(Path(__file__).resolve().parents[1])
    variables = os.environ | {"PYTHONPATH": f"{repository}{os.pathsep}{repository}/src"}
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0].strip() for process in both] == ["1", "1"]
    assert len(tracking.connect().search_model_versions(f"name = '{NAME}'")) == 1
