from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recexplainer import store
from recexplainer.discriminators.fine_tuning import fine_tune
from recexplainer.stages.register_discriminators import main
from recexplainer.tracking import registry, runs
from tests.discriminators.encoders import encoder_settings, write_encoder
from tests.tracking.registry.score_predictor import FOLDER, NAME, ROLE, write_model

pytestmark = pytest.mark.slow


def n_runs() -> int:
    client = runs.connect()
    experiment = client.get_experiment_by_name("recexplainer-demo")
    return len(client.search_runs([experiment.experiment_id])) if experiment else 0


def test_every_discriminator_gets_a_version_and_a_pointer(project: Path) -> None:
    write_model(1.0)
    FOLDER.rename(store.DISCRIMINATORS / "source-classifier")
    write_model(2.0)
    assert main([]) == 0
    assert {path.name for path in Path("registry/discriminators").iterdir()} == {
        "source-classifier.json", "score-predictor-both.json",
    }  # fmt: skip
    assert registry.pull("source-classifier", "demo").version == "1"
    assert registry.pull(ROLE, "demo").name == NAME


def test_every_run_says_which_model_it_logged(project: Path) -> None:
    write_model(1.0)
    FOLDER.rename(store.DISCRIMINATORS / "source-classifier")
    write_model(2.0)
    assert main([]) == 0
    client = runs.connect()
    found = client.search_runs([client.get_experiment_by_name("recexplainer-demo").experiment_id])
    assert {run.info.run_name for run in found} == {
        "register_discriminators source-classifier (demo)", f"register_discriminators {ROLE} (demo)",
    }  # fmt: skip
    assert all("mlflow.note.content" in run.data.tags for run in found)


def test_a_run_that_mlflow_opened_is_named_also_when_there_is_nothing_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(1.0)
    assert main([]) == 0
    given = runs.connect().create_run("0").info
    monkeypatch.setenv("MLFLOW_RUN_ID", given.run_id)
    assert main([]) == 0
    seen = runs.connect().get_run(given.run_id)
    assert seen.info.run_name == "register_discriminators (demo)" != given.run_name
    assert seen.data.tags["mlflow.note.content"].startswith("Register the discriminators")


def test_nothing_to_do_makes_no_run_and_imports_no_mlflow(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(1.0)
    assert main([]) == 0 and n_runs() == 1
    before = store.pointer(ROLE).read_bytes()
    store.pointer(ROLE).unlink()
    monkeypatch.setitem(sys.modules, "mlflow", None)  # importing it would raise
    assert main([]) == 0
    assert store.pointer(ROLE).read_bytes() == before
    monkeypatch.undo()


def test_known_content_makes_no_run(project: Path) -> None:
    for weight in (1.0, 2.0, 1.0):
        write_model(weight)
        assert main([]) == 0
    assert n_runs() == 2 and registry.pull(ROLE, "demo").version == "1"


def test_missing_models_are_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "models/discriminators: no such model folder" in capsys.readouterr().err


def test_a_fine_tuned_encoder_is_registered_and_served_without_pickle(project: Path) -> None:
    texts, scores = ["yes. taste for racing", "no. hard to say", "perhaps"], np.array([3.0, 1.0, 2.0])
    model = fine_tune("regress", texts, scores, encoder_settings(write_encoder(project / "base")), seed=1)
    role = f"{ROLE}-encoder"
    model.save(store.DISCRIMINATORS / role)
    (store.DISCRIMINATORS / role).rename(store.DISCRIMINATORS / "source-classifier-encoder")
    model.save(store.DISCRIMINATORS / role)
    assert main([]) == 0
    import mlflow

    assert registry.pull("source-classifier-encoder", "demo").name == "recexplainer-demo-source-classifier-encoder"
    served = mlflow.pyfunc.load_model(f"models:/{NAME}-encoder@candidate")
    found = served.predict(pd.DataFrame({"text": texts}))["prediction"]
    np.testing.assert_array_equal(found, model.predict(texts))
    assert not [path for path in Path("mlruns").rglob("*") if path.suffix in (".pkl", ".pickle", ".bin", ".pt")]
