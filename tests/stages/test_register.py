from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.stages.register import main


def test_a_missing_model_is_named(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mode", "both"]) == 2
    assert capsys.readouterr().err.startswith("error: models/explainer-both: no such model folder; run the stage")
    assert not Path("registry").exists() and not Path("mlflow.db").exists()


def test_the_base_llm_is_not_registered(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mode", "none"]) == 2
    assert "is the base LLM itself" in capsys.readouterr().err
