from __future__ import annotations

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
from recexplainer.core.settings import Settings, load_settings
from recexplainer.tracking import runs, waiting
from tests.conftest import REPOSITORY
from tests.records import make_explanation, make_judgement

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


def test_traces_carry_the_judges_assessment(project: Path, settings: Settings) -> None:
    import mlflow

    explanations = [make_explanation(explanation_id=f"u{i}", prompt="Will they?", text="Yes.") for i in range(2)]
    judgements = [
        make_judgement(explanation_id="u0", level="B", score=1),
        make_judgement(explanation_id="u1", level="unparseable", score=None),
    ]
    with runs.open_run("judge", settings) as run:
        assert runs.log_explanation_traces(explanations, judgements) == 2
    mlflow.flush_trace_async_logging()
    locations = [fetch(run.run_id).info.experiment_id]
    found = mlflow.search_traces(locations=locations, run_id=run.run_id, return_type="list")
    assessed = {
        trace.info.tags["explanation_id"]: {a.name: a.feedback.value for a in trace.info.assessments} for trace in found
    }
    assert assessed == {"u0": {"level": "B", "score": 1}, "u1": {"level": "unparseable"}}
    assert all(a.source.source_type == "CODE" and a.source.source_id == "rubric"
               for trace in found for a in trace.info.assessments)  # fmt: skip


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
    line = f"waiting for http://***@{address}: asked for its experiments (0 s)"
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
