from __future__ import annotations

from pathlib import Path

import pytest

from bin import ui
from recexplainer.core.settings import load_settings
from recexplainer.tracking import addresses, runs
from recexplainer.tracking.addresses import model_address, newest_of_each, ui_addresses

ROOT = "http://127.0.0.1:5000"


def test_the_newest_run_of_each_source_is_compared(project: Path) -> None:
    newest = {}
    for source in ("both", "none", "both"):
        with runs.open_run("evaluate_alignment", load_settings(), {"source": source}) as run:
            newest[source] = run.run_id
    with pytest.raises(RuntimeError), runs.open_run("evaluate_alignment", load_settings(), {"source": "none"}):
        raise RuntimeError
    client = runs.connect()
    experiment = client.get_experiment_by_name("recexplainer-demo").experiment_id
    found = ui_addresses(client, "demo", ROOT)
    assert found["runs"] == f"{ROOT}/#/experiments/{experiment}/runs"
    assert found["compare modes"] == (
        f'{ROOT}/#/compare-runs?runs=["{newest["both"]}","{newest["none"]}"]&experiments=["{experiment}"]'
    )


def test_of_more_runs_than_are_looked_through_the_newest_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in ("both", "none", "both"):
        with runs.open_run("evaluate_alignment", load_settings(), {"source": source}) as run:
            newest = run.run_id
    monkeypatch.setattr(addresses, "MAX_RUNS", 1)
    client = runs.connect()
    experiment = client.get_experiment_by_name("recexplainer-demo").experiment_id
    assert newest_of_each(client, experiment, "evaluate_alignment", "source") == {"both": newest}


def test_without_an_experiment_there_is_the_list_of_all(project: Path) -> None:
    assert ui_addresses(runs.connect(), "demo", ROOT) == {"experiments": f"{ROOT}/#/experiments"}
    assert model_address(ROOT, "demo", "explainer-both", "2").endswith(
        "/models/recexplainer-demo-explainer-both/versions/2"
    )


def test_the_ui_starts_behind_its_addresses(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with runs.open_run("prepare", load_settings()):
        pass
    started: list[list[str]] = []
    monkeypatch.setattr(ui.os, "execv", lambda _, words: started.append(words))
    ui.main("5123")
    assert started[0][:4] == ["mlflow", "ui", "--backend-store-uri", f"sqlite:///{project}/mlflow.db"]
    assert started[0][-2:] == ["--port", "5123"]
    assert "runs:" in (said := capsys.readouterr().out) and "http://127.0.0.1:5123/#/experiments/1/runs" in said
