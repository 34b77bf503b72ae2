"""Recommenders that were made elsewhere, of the world of `worlds.ring_walks`, in all the forms that can be opened."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from recexplainer.core.settings.recommender import External
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.external import open_external
from recexplainer.recommenders.ranking import LeaveOneOut, leave_one_out
from recexplainer.recommenders.training import Training
from tests.conftest import REPOSITORY

from . import worlds

WORLD = worlds.ring_walks()
N_ITEMS, N_USERS, DIM = WORLD.n_items, WORLD.n_users, 4
HISTORIES = [[3, 4, 5, 6], [10], [7, 8, 9]]
RAW_ITEM_IDS = [f"B{number:02d}" for number in range(1, N_ITEMS + 1)]
RAW_USER_IDS = [f"U{number}" for number in range(1, N_USERS + 1)]
EXAMPLE = "own_recommender.py"
KINDS = ("adapter", "adapter_of_scores", "mlflow_model", "mlflow_model_of_scores", "matrices")
VECTOR_KINDS = ("adapter", "mlflow_model", "matrices")
SCORES_ONLY = """
class ScoresOnly:
    def __init__(self, n_items):
        self.n_items = n_items

    @classmethod
    def load(cls, model, raw_item_ids):
        return cls(len(raw_item_ids))

    def scores(self, histories):
        rows = [[-min((item - h) % self.n_items for h in history or [1]) for item in range(self.n_items + 1)]
                for history in histories]
        return rows
"""
PYTHON_MODEL = """
import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel

class Ring(PythonModel):
    def load_context(self, context):
        self.items = np.load(context.artifacts["vectors"] + "/item_vectors.npy")

    def predict(self, context, model_input, params=None):
        assert list(model_input.columns) == ["history"]
        histories = [np.array(history, dtype=int) for history in model_input["history"]]
        users = [self.items[h - 1].mean(axis=0) if len(h) else self.items[0] * 0 for h in histories]
        scores = [(self.items @ user).tolist() for user in users]
        return pd.DataFrame({"scores": scores, "user_vector": [user.tolist() for user in users]})

mlflow.models.set_model(Ring())
"""


def vectors(n: int = N_ITEMS, seed: int = 0) -> np.ndarray:
    """(n, DIM) numbers."""
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


def write_example(folder: Path) -> None:
    """The guide's example and what it loads; its rows stand in another order than the catalogue's."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "docs" / "examples" / EXAMPLE, folder)
    np.save(folder / "vectors.npy", vectors()[::-1])
    (folder / "items.txt").write_text("\n".join(reversed(RAW_ITEM_IDS)) + "\n")


def write_matrices(folder: Path, ids: list[str] = RAW_ITEM_IDS, table: np.ndarray | None = None) -> None:
    """Items' vectors, and their raw ids."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "item_vectors.npy", vectors(len(ids)) if table is None else table)
    (folder / "item_ids.txt").write_text("\n".join(ids) + "\n")


def write_python_model(folder: Path, with_ids: bool = True) -> None:
    """An MLflow model from code."""
    import mlflow

    beside = folder.with_name(f"{folder.name}_files")
    write_matrices(beside)
    if not with_ids:  # not to be found as the items' vectors
        (beside / "items").mkdir()
        (beside / "item_vectors.npy").rename(beside / "items" / "table.npy")
    code = beside.with_suffix(".py")
    code.write_text(PYTHON_MODEL if with_ids else PYTHON_MODEL.replace("/item_vectors.npy", "/items/table.npy"))
    mlflow.pyfunc.save_model(
        str(folder), python_model=str(code), artifacts={"vectors": str(beside)}, pip_requirements=[]
    )


def write_adapter(folder: Path, *changes: tuple[str, str], text: str = SCORES_ONLY) -> dict[str, str]:
    """The setting that names an adapter's file, which is written with some text replaced."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_text(text)
    return {"adapter": "own.py"}


def open_at(split: LeaveOneOut, where: Path, **changes: Any) -> tuple[Recommender, dict[str, Any]]:
    """What lies in a folder, opened with some settings changed, and its report."""
    values: dict[str, Any] = {"folder": str(where), "adapter": None, "model": None, "max_missing_items": 0.0,
                              "regularisation": 0.1, "confidence": 2.0}  # fmt: skip
    chosen = External(**(values | changes))
    return open_external(split, chosen, RAW_ITEM_IDS, RAW_USER_IDS)


def opened(kind: str, folder: Path) -> Training:
    """A recommender of a kind, opened where it was written."""
    changes = {}
    if kind == "adapter":
        write_example(folder)
        changes = {"adapter": EXAMPLE}
    elif kind == "adapter_of_scores":
        folder.mkdir()
        (folder / "scores.py").write_text(SCORES_ONLY)
        changes = {"adapter": "scores.py:ScoresOnly"}
    elif kind == "matrices":
        write_matrices(folder)
    else:
        write_python_model(folder, with_ids=kind == "mlflow_model")
    recommender, report = open_at(leave_one_out(WORLD), folder, **changes)
    return Training(recommender, report=report)
