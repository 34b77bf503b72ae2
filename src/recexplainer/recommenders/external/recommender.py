"""A recommender behind an adapter: asked through the contract, checked, and stored with all that it needs."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from recexplainer.core.errors import InputError
from recexplainer.data.interactions import PADDING_ID
from recexplainer.recommenders.base import NO_LIMIT, Recommender
from recexplainer.recommenders.external.adapter import Adapter, VectorAdapter, load_class, others_code
from recexplainer.recommenders.external.python_model import load_python_model

MODEL = "model"
RAW_ITEM_IDS_FILE = "raw_item_ids.json"
LEFT_OUT = ("__pycache__", ".git")  # of a folder that is copied
_turn = threading.RLock()  # of this process: what others wrote may not answer several threads at once


@dataclass(frozen=True)
class Source:
    """Where a recommender that was made elsewhere is.

    Attributes:
        file: The Python file of the adapter; None for an MLflow model, which needs none.
        class_name: The adapter's class; None for the only one in the file.
        model: The folder or file that the adapter loads.
        raw_item_ids: (n_items,), in the order of the catalogue.
        named: How the parameters name the model; "" for a copy that was stored.
    """

    file: Path | None
    class_name: str | None
    model: Path
    raw_item_ids: list[str]
    named: str = ""

    def load(self) -> Adapter:
        """Run the user's code up to an adapter that is ready to answer.

        Raises:
            InputError: A file is missing, or the user's code fails.
        """
        if self.file is None:
            return load_python_model(self.model, self.raw_item_ids)
        adapter_class = load_class(self.file, self.class_name)
        what = f"{adapter_class.__name__}.load"
        with others_code(self.file.name, what, self.file):
            adapter = adapter_class.load(self.model, list(self.raw_item_ids))
        if not callable(getattr(adapter, "scores", None)):
            raise InputError(f"{self.file.name}: {what}: expected the loaded adapter, got {adapter!r:.60}")
        return adapter


class ExternalRecommender(Recommender):
    """A recommender that was made elsewhere, behind its adapter.

    It has vectors where the adapter gives both users' and items'. The items' are asked for once, when it is opened,
    and stored. What the adapter is given, and what it returns, is on the CPU. Padding inside a history is left out.
    Threads that ask take turns.
    """

    kind = "external"
    gives_logits = False

    def __init__(self, n_items: int, dim: int, file: str | None, class_name: str | None, model: str) -> None:
        """Start without an adapter, which `read_files` or `open` brings.

        Args:
            n_items: Items of the catalogue.
            dim: Width of the vectors, 0 without.
            file: Name of the adapter's file in the stored folder.
            class_name: The adapter's class.
            model: Name of what the adapter loads, in the stored folder.
        """
        super().__init__(n_items, dim, max_length=NO_LIMIT)
        self.has_vectors = dim > 0
        self.names = {"file": file, "class_name": class_name, "model": model}
        self.items: Tensor
        self.register_buffer("items", torch.zeros(n_items + 1, dim))
        self._behind: tuple[Source, Adapter] | None = None  # in a tuple: no module of the user's gets into this one

    @classmethod
    def open(cls, source: Source) -> ExternalRecommender:
        """The recommender at `source`, frozen.

        Raises:
            InputError: A file is missing, the user's code fails, or the items' vectors have another shape.
        """
        adapter = source.load()
        given = [callable(getattr(adapter, name, None)) for name in ("user_vectors", "item_vectors")]
        if any(given) and not all(given):
            raise InputError(f"{_name(source, adapter)}: expected both user_vectors and item_vectors, or neither")
        items = torch.zeros(len(source.raw_item_ids) + 1, 0)
        if all(given):
            items = _table(source, adapter, "item_vectors", [], (len(items), -1))
            items[PADDING_ID] = 0
        file = source.file.name if source.file else None
        model = f"{MODEL}/{source.model.name}" if source.model.is_file() else MODEL
        recommender = cls(len(items) - 1, items.shape[1], file, source.class_name, model)
        recommender.items.copy_(items)
        recommender._behind = (source, adapter)
        return recommender.freeze()

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"n_items": self.n_items, "dim": self.dim, **self.names}

    @property
    def name(self) -> str:
        """What answers, as messages name it."""
        return _name(*self._answering())

    def save(self, folder: Path) -> None:
        """Write the items' vectors, and copies of the adapter's file and all that it loads."""
        super().save(folder)
        source, _ = self._answering()
        text = json.dumps(source.raw_item_ids, ensure_ascii=False, indent=0)
        (folder / RAW_ITEM_IDS_FILE).write_text(text + "\n", encoding="utf-8")
        if source.file is not None:
            _copy(source.file, folder / source.file.name)
        _copy(source.model, folder / str(self.names["model"]))

    def read_files(self, folder: Path) -> None:
        """Load the adapter from the copies in the stored folder.

        Raises:
            InputError: A copy is missing, or the user's code fails.
        """
        try:
            raw_item_ids = json.loads((folder / RAW_ITEM_IDS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{folder / RAW_ITEM_IDS_FILE}: cannot be read ({error}); run the stage train_recommender"
            ) from error
        file, model = self.names["file"], folder / str(self.names["model"])
        source = Source(folder / file if file else None, self.names["class_name"], model, raw_item_ids)
        self._behind = (source, source.load())

    def item_vectors(self) -> Tensor:
        """The items' vectors, (n_items + 1, dim), as they were when it was opened; row 0 is zero."""
        return self.items if self.has_vectors else super().item_vectors()

    def _score(self, item_ids: Tensor) -> Tensor:
        histories = _lists(item_ids)
        shape = (len(histories), self.n_items + 1)
        if not histories:
            return torch.zeros(shape, device=item_ids.device)
        return _table(*self._answering(), "scores", [histories], shape).to(item_ids.device)

    def _user_vectors(self, item_ids: Tensor) -> Tensor:
        if not self.has_vectors:
            return super()._user_vectors(item_ids)
        histories = _lists(item_ids)
        rows = [row for row, history in enumerate(histories) if history]
        vectors = torch.zeros(len(histories), self.dim)
        if rows:
            asked = [[histories[row] for row in rows]]
            vectors[rows] = _table(*self._answering(), "user_vectors", asked, (len(rows), self.dim))
        return vectors.to(item_ids.device)

    def _answering(self) -> tuple[Source, Adapter]:
        assert self._behind is not None, "open it, or load it from a folder"
        return self._behind


def _name(source: Source, adapter: Adapter) -> str:
    if source.file is not None:
        return f"{source.file.name}: {type(adapter).__name__}"
    return f"MLflow model {source.named or source.model.name}"


def _lists(item_ids: Tensor) -> list[list[int]]:
    """Histories (batch, length) as lists, without padding."""
    return [[item for item in row if item != PADDING_ID] for row in item_ids.tolist()]


def _table(source: Source, adapter: Adapter, method: str, arguments: list[Any], shape: tuple[int, int]) -> Tensor:
    """What a method of the adapter answers, fp32 on the CPU; -1 in `shape` means any number from 1.

    What is in the place of the padding (column 0 of scores, row 0 of the items' vectors) is not looked at.

    Raises:
        InputError: The method fails, or its answer has another shape or holds a value that is not finite.
    """
    where = source.file.name if source.file else _name(source, adapter)
    what = f"{type(adapter).__name__}.{method}" if source.file else method
    with _turn, others_code(where, what, source.file):
        given = getattr(cast(VectorAdapter, adapter), method)(*arguments)
        given = given.detach().cpu() if isinstance(given, Tensor) else torch.from_numpy(np.asarray(given, np.float64))
        table = given.to(torch.float32, copy=True)
    fits = len(table.shape) == 2 and all(want in (-1, got) for want, got in zip(shape, table.shape, strict=True))
    if not fits or 0 in table.shape:
        wanted = ", ".join("dim" if size == -1 else str(size) for size in shape)
        raise InputError(
            f"{where}: {what}: expected the shape ({wanted}), got {tuple(table.shape)}; "
            f"the catalogue has {len(source.raw_item_ids)} items, and id 0 is padding"
        )
    read = {"scores": table[:, 1:], "item_vectors": table[1:]}.get(method, table)
    if not bool(read.isfinite().all()):
        n_others = int((~read.isfinite()).sum())
        raise InputError(f"{where}: {what}: expected finite numbers, but {n_others} are not finite")
    return table


def _copy(source: Path, target: Path) -> None:
    if target.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{source}: contains this project's models; name a folder that contains only the recommender")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise InputError(f"{source}: cannot be copied: {error}") from error
