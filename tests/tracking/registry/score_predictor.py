"""The model that tests of the registry register: a score predictor of one word."""

from __future__ import annotations

import numpy as np

from recexplainer import store
from recexplainer.core.settings import load_settings
from recexplainer.discriminators.model import LinearTextModel
from recexplainer.tracking import registry, runs

ROLE = "score-predictor-both"
NAME = f"recexplainer-demo-{ROLE}"
FOLDER = store.DISCRIMINATORS / ROLE


def write_model(weight: float) -> None:
    """A tiny score predictor: the text "good" scores ``weight``."""
    LinearTextModel(
        task="regress", labels=(), vocabulary=("good",), idf=np.ones(1), coefficients=np.array([[weight]]),
        intercepts=np.zeros(1), max_ngram=1,
    ).save(FOLDER)  # fmt: skip


def register(weight: float | None = None) -> str:
    """What the stage does, in one step; return the version."""
    if weight is not None:
        write_model(weight)
    settings = load_settings()
    version = registry.register(FOLDER, ROLE, "demo", lambda: runs.open_run("register_discriminators", settings))
    registry.write_pointer(FOLDER, ROLE, "demo")
    return version
