from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.core.errors import InputError
from recexplainer.explaining.sources import load_source
from tests import tiny


def test_none_is_the_base_and_needs_no_registry(base: Path, empty_project: Path) -> None:
    explainer, model = load_source(tiny.settings(f"llm.base={base}"), "none")
    assert explainer.mode == "none" and model is None and explainer.settings["n_categories"] == 1
    assert not Path("mlflow.db").exists()


def test_an_aligned_source_comes_from_the_registry(base: Path, empty_project: Path) -> None:
    with pytest.raises(InputError, match="no such pointer; register the model first"):
        load_source(tiny.settings(f"llm.base={base}"), "both")


def test_the_source_without_an_llm_is_refused(base: Path, empty_project: Path) -> None:
    with pytest.raises(InputError, match="template explains without an LLM"):
        load_source(tiny.settings(f"llm.base={base}"), "template")
