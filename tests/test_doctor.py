"""The doctor says what is wrong, and only that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recexplainer import cli, doctor
from tests.conftest import REPOSITORY


@pytest.fixture
def here(project: Path) -> Path:
    shutil.copytree(REPOSITORY / "demo_llm" / "model", project / "demo_llm" / "model")
    return project


def findings(*assignments: str) -> dict[str, doctor.Finding]:
    if assignments:
        text = Path("params.yaml").read_text()
        for assignment in assignments:
            before, after = assignment.split(" => ")
            assert text.count(before) >= 1, before
            text = text.replace(before, after, 1)
        Path("params.yaml").write_text(text)
    return {finding.name: finding for finding in doctor.examine(Path("params.yaml"))}


def test_what_is_there_is_said(here: Path) -> None:
    found = findings()
    assert not [finding for name, finding in found.items() if finding.is_wrong and name not in ("git", "packages")]
    assert "llama" in found["llm"].text and "mlflow.db" in found["tracking store"].text
    assert found["git"].is_wrong and "git init" in found["git"].text


def test_what_is_missing_is_named(here: Path) -> None:
    found = findings(
        "raw: data/raw/demo => raw: /nowhere/raw",
        "base: demo_llm/model => base: /nowhere/llm",
        "backend: rubric => backend: api",
    )
    assert "dataset.raw: /nowhere/raw does not exist" in found["data"].text
    assert "/nowhere/llm" in found["llm"].text
    assert "judge.model must name" in found["api"].text
    assert all(found[name].is_wrong for name in ("data", "llm", "api"))


@pytest.mark.parametrize(
    ("chosen", "section"),
    [
        ("backend: rubric => backend: api", "judge"),
        ("author: catalogue => author: api", "summaries"),
        ("answerers: [] => answerers: [api]", "evaluate_baselines.in_context"),
    ],
)
def test_whatever_asks_a_model_behind_an_api_has_to_name_it(here: Path, chosen: str, section: str) -> None:
    assert findings()["api"].text == "no stage uses a model behind an API"
    found = findings(chosen)["api"]
    assert found.is_wrong and found.text == f"params: {section}.model must name the server's model"


def test_a_server_that_does_not_answer_is_named_without_the_key(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    text = Path("params.yaml").read_text()
    start = text.index("\njudge:")
    judge = (
        text[start:]
        .replace("base_url: null", "base_url: http://127.0.0.1:9/v1", 1)
        .replace("model: null", "model: m", 1)
    )
    Path("params.yaml").write_text(text[:start] + judge)
    found = findings("backend: rubric => backend: api")
    assert found["api"].is_wrong and "127.0.0.1:9" in found["api"].text and "sk-secret" not in found["api"].text


def test_an_unreadable_file_of_parameters_ends_the_checks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("params.yaml").write_text("run: [")
    assert cli.run(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("!!  parameters") and "YAML" in lines[-1]


def test_an_unmet_requirement_is_named() -> None:
    assert list(doctor.unmet_requirements("no-such-package")) == ["no-such-package is not installed"]
    assert list(doctor.unmet_requirements("typer")) == []
