"""What is asked of a recommender that was made elsewhere, and how its class is taken from the user's file."""

from __future__ import annotations

import contextlib
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from recexplainer.core.errors import InputError, did_you_mean


class Adapter(Protocol):
    """The user's class, in a Python file of its own: it answers for a recommender that was made elsewhere.

    It need not derive from this class, nor import anything of this project. Item ids are those of the prepared
    catalogue, 1 … n_items; the id 0 is padding. The answers depend on the history alone: the same history gets the
    same scores, whatever else is in the batch.
    """

    @classmethod
    def load(cls, model: Path, raw_item_ids: list[str]) -> Self:
        """Load the recommender, ready to answer.

        Args:
            model: The folder or file that `train_recommender.external.model` names, or a copy of it. It is read only.
            raw_item_ids: The items' ids in the raw data; the item with id i is `raw_item_ids[i - 1]`.
        """

    def scores(self, histories: list[list[int]]) -> Any:
        """Finite scores (batch, n_items + 1), the more the better, as an array or a tensor; column 0 is not read.

        Args:
            histories: Item ids, oldest first, of any length; a history may be empty, and hold an item twice.
        """


class VectorAdapter(Adapter, Protocol):
    """An adapter that also gives vectors, which the modes `intention` and `both` need."""

    def user_vectors(self, histories: list[list[int]]) -> Any:
        """The users' vectors (batch, dim) of their histories, none of which is empty."""

    def item_vectors(self) -> Any:
        """The items' vectors (n_items + 1, dim); row 0 is not read."""


def load_class(file: Path, name: str | None) -> type[Adapter]:
    """The adapter's class in a Python file: the one called `name`, or the only one that has `load` and `scores`.

    The file is run. Nothing is written next to it, and it can import what is installed, not its neighbours.

    Raises:
        InputError: The file cannot be read or run, or holds no such class.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as a Python file: {error}") from error
    module = types.ModuleType(f"recexplainer_adapter_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # where dataclasses and pickles of its classes look for them
    with others_code(file.name, "running it", file):
        exec(compile(text, str(file), "exec"), vars(module))
    own = {key: value for key, value in vars(module).items() if _is_class_of(value, module)}
    fitting = [key for key, value in own.items() if not _missing(value)]
    if name is None and len(fitting) != 1:
        found = f"several: {', '.join(fitting)}; name one as {file.name}:{fitting[0]}" if fitting else "none"
        raise InputError(f"{file}: expected exactly one class with the methods load and scores, found {found}")
    chosen = name or fitting[0]
    if chosen not in own:
        raise InputError(f"{file}: has no class {chosen!r}; {did_you_mean(chosen, own)}")
    if missing := _missing(own[chosen]):
        raise InputError(f"{file}: {chosen} has no {missing}; an adapter has the classmethod load and scores")
    adapter: type[Adapter] = own[chosen]
    return adapter


@contextlib.contextmanager
def others_code(where: str, what: str, file: Path | None = None) -> Iterator[None]:
    """Turn whatever code that is not this project's raises into one line; no bytecode is written meanwhile.

    Args:
        where: The file or model, as the message names it.
        what: What it was doing.
        file: The Python file whose line the message gives.

    Raises:
        InputError: The code failed.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # or the folder's content would change
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        place = f"{where}:{lines[-1]}" if lines else where
        raise InputError(f"{place}: {what}: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = before


def _is_class_of(value: Any, module: types.ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _missing(adapter: type) -> str:
    """Which of the two methods a class lacks, or none."""
    load = next((vars(base)["load"] for base in adapter.__mro__ if "load" in vars(base)), None)
    if not isinstance(load, classmethod | staticmethod):
        return "classmethod load"
    return "" if callable(getattr(adapter, "scores", None)) else "method scores"
