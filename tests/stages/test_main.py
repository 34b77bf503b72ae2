from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from recexplainer import cli, store
from recexplainer.core.settings import load_settings
from recexplainer.stages import main as module
from recexplainer.tracking import runs


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int

    def wait(self) -> int:
        return self.code


def test_repro_runs_under_one_parent(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setenv("MLFLOW_RUN_ID", runs.connect().create_run("0").info.run_id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    seen: dict[str, Any] = {}
    monkeypatch.setattr(subprocess, "Popen", lambda command, env: seen.update(command=command, env=env) or Ended(0))
    assert cli.run(["run", "--targets", "prepare align@both"]) == 0
    assert seen["command"] == [sys.executable, "-m", "dvc", "repro", "prepare", "align@both"]
    assert "MLFLOW_RUN_ID" not in seen["env"] and seen["env"]["MLFLOW_EXPERIMENT_ID"] == "0"
    run = runs.connect().get_run(seen["env"]["RECEXPLAINER_PARENT_RUN_ID"])
    assert run.info.run_name == "main (demo)" and run.info.status == "FINISHED"


@pytest.mark.parametrize(("targets", "n_expected"), [("", 2), ("prepare", 0)])
def test_the_run_of_the_whole_pipeline_ends_with_the_headline_and_the_report(
    project: Path, monkeypatch: pytest.MonkeyPatch, targets: str, n_expected: int
) -> None:
    """Files that lie there may be of other parameters when only some stages ran."""
    Path("dvc.yaml").write_text("stages: {}\n")

    def run(command: list[str], env: dict[str, str]) -> Ended:
        store.write_json(store.alignment_metrics("both"), {"next_item_retrieval": {"hr@5": 0.6}})
        store.write_json(store.judge_metrics("template"), {"mean": 2.5})
        store.write_text(store.REPORT, "<html></html>")
        return Ended(0)

    monkeypatch.setattr(subprocess, "Popen", run)
    assert cli.run(["run", "--targets", targets]) == 0
    client = runs.connect()
    [run_of_all] = client.search_runs([client.get_experiment_by_name("recexplainer-demo").experiment_id])
    expected = {"both/hr_at_5": 0.6, "template/judge_level_mean": 2.5}
    assert run_of_all.data.metrics == (expected if n_expected else {})
    artifacts = [artifact.path for artifact in client.list_artifacts(run_of_all.info.run_id)]
    assert artifacts == (["index.html"] if n_expected else [])
    assert "run.minutes" in run_of_all.data.params and "dataset.format" not in run_of_all.data.params


@pytest.mark.parametrize("parallel", [1, 2])
def test_sources_run_side_by_side_and_dvc_has_the_last_word(
    project: Path, monkeypatch: pytest.MonkeyPatch, parallel: int
) -> None:
    settings = load_settings()
    monkeypatch.setattr(
        module, "load_settings", lambda: replace(settings, run=replace(settings.run, parallel=parallel))
    )
    Path("dvc.yaml").write_text("stages: {}\n")
    together, commands = threading.Barrier(parallel), []

    def run(command: list[str], env: dict[str, str]) -> Ended:
        commands.append(" ".join(command[3:]))
        if "align@both" in command or "align@intention" in command:
            together.wait(timeout=20)  # passes only when two run at once
        assert env["RECEXPLAINER_PYTHON"] == sys.executable
        return Ended(1 if "--wait-for-lock" in command else 0)  # the last repro says what failed beside it

    monkeypatch.setattr(subprocess, "Popen", run)
    assert cli.run(["run"]) == 0
    assert commands.pop(0) == "repro prepare"  # for the estimate
    assert commands[0] == ("repro draft_explanations" if parallel > 1 else "repro") and commands[-1] == "repro"
    measured = settings.evaluate_alignment.sources
    chains = module.chains(settings.align.modes, measured, settings.explain.sources) if parallel > 1 else []
    assert sorted(commands[1:-1]) == sorted(
        f"--wait-for-lock repro --single-item {' '.join(chain)}" for chain in chains
    )


def test_how_long_it_takes_is_said_once_the_sizes_are_known(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dvc.yaml").write_text("stages: {}\n")
    commands: list[str] = []

    def run(command: list[str], env: dict[str, str]) -> Ended:
        commands.append(" ".join(command[3:]))
        said.append("minutes on two cores for 60 users" in capsys.readouterr().out)
        store.write_json(store.PREPARE_REPORT, {"dataset": "demo", "n_users": 60, "n_items": 32})
        return Ended(0)

    said: list[bool] = []
    monkeypatch.setattr(subprocess, "Popen", run)
    settings = load_settings()
    monkeypatch.setattr(module, "load_settings", lambda: replace(settings, run=replace(settings.run, parallel=1)))
    assert cli.run(["run"]) == 0
    assert commands == ["repro prepare", "repro"] and said == [False, True]
    assert cli.run(["run"]) == 0
    assert commands[2:] == ["repro"] and said[2]
    assert cli.run(["run", "--targets", "prepare"]) == 0
    assert commands[3:] == ["repro prepare"] and not said[3]


def test_a_source_that_is_not_aligned_here_is_still_measured() -> None:
    assert module.chains([], ["both"], ["both"]) == [
        ["evaluate_alignment@both", "explain@both", "judge@both", "faithfulness@both"],
        ["evaluate_baselines", "audit"],
    ]


def test_the_template_is_not_aligned() -> None:
    of_template = ["explain@template", "judge@template", "faithfulness@template"]
    assert module.chains(["both"], ["both"], ["template"])[1] == of_template


def test_a_failing_repro_fails_the_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dvc.yaml").write_text("stages: {}\n")

    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: Ended(255))
    assert cli.run(["run"]) == 255
    assert capsys.readouterr().err == "error: dvc repro ended with exit code 255; its own message is above\n"
    client = runs.connect()
    experiment = client.get_experiment_by_name("recexplainer-demo")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]


def test_it_runs_in_the_projects_root(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["run"]) == 2
    assert "error: dvc.yaml: no such file; run this in the project's root" in capsys.readouterr().err
