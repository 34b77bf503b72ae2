"""The page's models and users, of the tiny world: two modes of one recommender."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.app.models import Models
from recexplainer.app.people import DISAGREE, UNFAITHFUL, People
from recexplainer.explaining.respond import Options, open_responder
from tests import tiny

MODES = ("behaviour", "both")
MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def main_comes_back() -> Iterator[None]:
    """Streamlit takes the place of `__main__`, which every process that is spawned later would run."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session")
def models(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Two explainers that were not registered."""
    root = tmp_path_factory.mktemp("explainers")
    for mode in MODES:
        tiny.explainer(base, mode).save(root / mode)
        store.write_catalogue(tiny.catalogue().frame, root / mode / store.CATALOGUE.name)
    responders = {mode: open_responder(root / mode, None, None, None, mode) for mode in MODES}
    return Models(responders, responders["both"].template(Options()), ["both version 1"])


@pytest.fixture
def people() -> People:
    """The ten users, without stored explanations."""
    return People(tiny.interactions(), [f"U{user}" for user in range(1, 11)], {DISAGREE: [], UNFAITHFUL: []})
