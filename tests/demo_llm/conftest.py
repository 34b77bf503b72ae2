"""The recipe's modules, which are no part of the package."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / "demo_llm"))
    importlib.import_module("recipe.train")
    yield importlib.import_module("recipe")
    for name in [name for name in sys.modules if name.split(".")[0] == "recipe"]:
        del sys.modules[name]
