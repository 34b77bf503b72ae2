from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure

from recexplainer.core import environment
from recexplainer.core.contents import dvc_md5
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.core.settings import Settings, load_settings
from recexplainer.tracking import runs, waiting
from recexplainer.tracking.prompts import EXPLANATION
from recexplainer.tracking.registry import CONTENT_TAG
from tests.conftest import REPOSITORY
from tests.tracking.registry.score_predictor import NAME, register

matplotlib.use("Agg")


@pytest.fixture
def settings() -> Settings:
    return load_settings("params.yaml")


def fetch(run_id: str) -> Any:
    return runs.connect().get_run(run_id)


def test_a_run_holds_parameters_metrics_files_and_data(project: Path, settings: Settings) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_parquet("in.parquet")
    Path("in.txt").write_text("x")
    with runs.open_run("faithfulness", settings, {"source": "both"}, ("run", "faithfulness"), "Measure it.") as run:
        run.log_metrics({"test": {"hr@5": 0.5, "name": "x", "flag": True, "none": None, "nan": float("nan")}})
        run.log_metrics({"loss": 2.0}, step=1)
        run.log_metrics({"loss": 1.0}, step=2)
        run.log_artifact("in.txt")
        run.log_figure(Figure(), "curve.png")
        run.log_dataset("in.parquet", "table", "training")
        run.log_dataset("in.txt")
    seen = fetch(run.run_id)
    assert seen.info.status == "FINISHED" and seen.info.run_name == "faithfulness both (demo)"
    assert seen.data.tags["mlflow.note.content"] == "Measure it.\n\nData set: demo; source: both"
    assert seen.data.params["faithfulness.top_ks"] == "[1, 3, 5]" and seen.data.params["run.seed"] == "7"
    assert seen.data.params["source"] == "both"
    assert seen.data.metrics == {"test/hr_at_5": 0.5, "loss": 1.0}
    table, text = sorted((entry.dataset for entry in seen.inputs.dataset_inputs), key=lambda d: d.name, reverse=True)
    assert (table.name, table.digest, text.digest) == ("table", dvc_md5("in.parquet"), dvc_md5("in.txt"))
    assert {a.path for a in runs.connect().list_artifacts(run.run_id)} == {"in.txt", "curve.png"}


def test_what_a_run_does_not_read_is_not_logged(project: Path, settings: Settings) -> None:
    with runs.open_run("judge", settings, {"source": "both"}, ("run", "judge"), idle=["run.minutes"]) as run:
        pass
    assert set(fetch(run.run_id).data.params) == {
        "source", "run.seed", "run.threads", "run.parallel", "judge.backend", "judge.n_traces",
    }  # fmt: skip


def test_artifacts_stay_in_the_project(project: Path, settings: Settings) -> None:
    with runs.open_run("prepare", settings) as run:
        pass
    assert fetch(run.run_id).info.artifact_uri.startswith(f"file://{project.resolve()}/mlruns/recexplainer-demo/")


def test_a_failing_body_marks_its_run(project: Path, settings: Settings) -> None:
    with pytest.raises(InputError), runs.open_run("prepare", settings) as run:
        raise InputError("no")
    assert fetch(run.run_id).info.status == "FAILED"


def test_mlflow_runs_own_run_is_resumed(project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    client = runs.connect()
    given = client.create_run("0")
    client.log_param(given.info.run_id, "mode", "both")
    client.log_param(given.info.run_id, "run.seed", "7.0")
    monkeypatch.setenv("MLFLOW_RUN_ID", given.info.run_id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    with runs.open_run("align", settings, {"mode": "both"}, ("run",)) as run:
        pass
    assert run.run_id == given.info.run_id
    seen = fetch(run.run_id)
    given_before = {"mode": "both", "run.seed": "7.0"}
    logged = {f"run.{name}": str(value) for name, value in asdict(settings.run).items()}
    assert seen.data.params == logged | given_before
    assert seen.info.status == "FINISHED" and seen.info.run_name == "align both (demo)"


def test_runs_of_one_repro_hang_under_one_parent(
    project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "calling_repro", lambda: "17-1")
    ids = []
    for stage in ("prepare", "align"):
        with runs.open_run(stage, settings) as run:
            ids.append(run.run_id)
    parents = {fetch(run_id).data.tags["mlflow.parentRunId"] for run_id in ids}
    assert len(parents) == 1
    parent = fetch(parents.pop())
    assert parent.info.run_name == "dvc repro (demo)" and parent.info.status == "FINISHED"
    monkeypatch.setattr(environment, "calling_repro", lambda: "18-1")
    with pytest.raises(RuntimeError), runs.open_run("prepare", settings) as run:
        raise RuntimeError
    other = fetch(fetch(run.run_id).data.tags["mlflow.parentRunId"])
    assert other.info.run_id != parent.info.run_id and other.info.status == "FAILED"


def test_a_parent_can_be_given_and_ends_with_whoever_opened_it(
    project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = runs.connect().create_run("0").info.run_id
    monkeypatch.setenv(environment.PARENT_RUN_VARIABLE, parent)
    with runs.open_run("prepare", settings) as run:
        pass
    assert fetch(run.run_id).data.tags["mlflow.parentRunId"] == parent
    assert fetch(parent).info.status == "RUNNING"


def test_credentials_do_not_reach_the_log(project: Path) -> None:
    settings = load_settings("params.yaml", ["judge.base_url=https://me:secret@host/v1", "judge.model=sk-" + "a" * 30])
    settings = replace(settings, judge=replace(settings.judge, backend="api"))
    with runs.open_run("judge", settings, sections=("judge",)) as run:
        pass
    logged = " ".join(fetch(run.run_id).data.params.values())
    assert "secret" not in logged and "aaaa" not in logged and "https://***@host/v1" in logged


def test_metrics_are_the_versions_too_where_the_registry_holds_its_content(project: Path, settings: Settings) -> None:
    register(1.0)
    client = runs.connect()
    version = client.get_model_version(NAME, "1")
    content = version.tags[CONTENT_TAG]
    with runs.open_run("evaluate_alignment", settings, {"source": "both"}) as run:
        run.link_model(ModelVersion(NAME, "1", content))
        run.log_metrics({"hr@5": 0.5})
    seen = fetch(run.run_id)
    [used] = seen.inputs.model_inputs
    assert version.source == f"models:/{used.model_id}"
    assert [(m.key, m.value, m.run_id) for m in client.get_logged_model(used.model_id).metrics] == [
        ("hr_at_5", 0.5, run.run_id)
    ]
    assert (seen.data.tags["model"], seen.data.tags["version"]) == (NAME, "1")


def test_a_version_of_another_registry_is_named_and_not_linked(project: Path, settings: Settings) -> None:
    register(1.0)
    with runs.open_run("judge", settings) as run:
        run.link_model(ModelVersion(NAME, "1", "of another machine"))
        run.link_model(None)
        run.log_metrics({"level_mean": 2.5})
    seen = fetch(run.run_id)
    assert seen.data.metrics == {"level_mean": 2.5} and seen.data.tags["version"] == "1"
    assert not seen.inputs.model_inputs


def test_a_prompt_is_a_version_per_wording(project: Path, settings: Settings) -> None:
    for text in ("Why {{ item }}?", "Why not?", "Why {{ item }}?"):
        with runs.open_run("explain", settings) as run:
            version = run.log_prompt(EXPLANATION, text, "Asks for an explanation")
    assert (version.version, version.template) == (1, "Why {{ item }}?")
    assert json.loads(fetch(run.run_id).data.tags["mlflow.linkedPrompts"]) == [{"name": EXPLANATION, "version": "1"}]
    assert len(runs.connect().search_prompt_versions(EXPLANATION)) == 2


def test_a_store_that_cannot_be_reached_is_named(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_project / "file").write_text("no folder")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{empty_project}/file/mlflow.db")
    with pytest.raises(InputError, match="^tracking store sqlite:.*cannot be used"):
        runs.connect()


@pytest.mark.parametrize(
    ("listens", "reason"), [(False, "Connection refused"), (True, r"Read timed out\. \(read timeout=1\)")]
)
def test_a_server_that_does_not_answer_is_named_soon(
    empty_project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    listens: bool,
    reason: str,
) -> None:
    """With MLflow's own patience this would take minutes, in silence."""
    first_answer = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    monkeypatch.setattr(waiting, "FIRST_ANSWER", first_answer)
    monkeypatch.setattr(waiting, "SECONDS", 0.01)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@{address}")
        wanted = rf"^tracking store http://\*\*\*@{address} cannot be used: [^:]*(: \[Errno 111\] )?{reason}$"
        with pytest.raises(InputError, match=wanted):
            runs.connect()
    line = f"waiting for http://***@{address}: listing its experiments (0 s)"
    assert not listens or line in capsys.readouterr().err.splitlines()
    assert not waiting.FIRST_ANSWER.keys() & os.environ.keys()


def test_the_users_patience_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    with waiting.impatient():
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77" and "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_a_server_that_answers_no_longer_is_named(project: Path, settings: Settings) -> None:
    from mlflow.exceptions import MlflowException

    lost = "API request to http://h/api failed with exception (Caused by E('Connection(h): Connection refused'))"
    with pytest.raises(InputError, match="no longer answers: Connection refused$"), \
            runs.open_run("prepare", settings):  # fmt: skip
        raise MlflowException(lost)
    with pytest.raises(MlflowException, match="no such run"), runs.open_run("prepare", settings):
        raise MlflowException("no such run")


@pytest.mark.slow
def test_four_processes_may_meet_a_cold_database(empty_project: Path) -> None:
    code = (
        "from recexplainer.core.settings import load_settings\nfrom recexplainer.tracking.runs import open_run\n"
        "with open_run('prepare', load_settings()) as run: run.log_metrics({'a': 1})\n"
    )
    variables = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    client = runs.connect()
    experiment = client.get_experiment_by_name("recexplainer-demo")
    assert len(client.search_runs([experiment.experiment_id])) == 4
