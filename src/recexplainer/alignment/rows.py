"""The packed rows that are trained on: laid out in a temporary file, and in memory while a step reads them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from recexplainer.core.settings import Align
from recexplainer.llm.packing import Tree, lay_out, pack
from recexplainer.prompting.chat import Encoded

_COLUMNS = {column.name: np.float32 if column.name == "weights" else np.int32 for column in fields(Tree)}


class Trees(Sequence[Tree]):
    """Trees in a file without a name, mapped into memory.

    Args:
        trees: They are taken one by one.
        folder: Where the file lies until the process ends; None: where temporary files lie.
    """

    def __init__(self, trees: Iterable[Tree], folder: Path | None = None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        ends = [0]
        with tempfile.TemporaryFile(dir=folder) as file:
            for tree in trees:
                for name, kind in _COLUMNS.items():
                    file.write(getattr(tree, name).astype(kind, copy=False).tobytes())
                ends.append(ends[-1] + len(tree))
            file.flush()
            self._cells = np.memmap(file, np.int32, mode="r") if ends[-1] else np.zeros(0, np.int32)
        self._ends = np.array(ends)

    @property
    def n_tokens(self) -> int:
        """Of all trees."""
        return int(self._ends[-1])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> Tree:  # type: ignore[override]
        start, end = (len(_COLUMNS) * self._ends[edge] for edge in (number, number + 1))
        table = np.asarray(self._cells[start:end]).reshape(len(_COLUMNS), -1)
        return Tree(**{name: row.view(kind) for (name, kind), row in zip(_COLUMNS.items(), table, strict=True)})


@dataclass(frozen=True)
class Rows(Sequence[list[Tree]]):
    """The trees of each row.

    Attributes:
        trees: Of all rows.
        numbers: Of the trees of each row.
        n_examples: Laid out in the trees.
        n_tokens: Of these examples, each alone.
        share: Of an epoch that the rows are.
    """

    trees: Trees
    numbers: list[list[int]]
    n_examples: int
    n_tokens: int
    share: float

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> list[Tree]:  # type: ignore[override]
        return [self.trees[number] for number in self.numbers[index]]


def packed_rows(
    encoded: Iterable[Encoded], align: Align, rng: np.random.Generator, folder: Path | None = None, share: float = 1.0
) -> Rows:
    """Rows of trees: examples that share a prefix form one tree, and trees fill rows.

    Args:
        encoded: Of `training_examples`; they are taken one by one.
        align: The settings.
        rng: Shuffles trees and rows.
        folder: Where the trees lie until the process ends; None: where temporary files lie.
        share: Of an epoch that the examples are.
    """
    n_examples = n_tokens = 0

    def counted() -> Iterator[Encoded]:
        nonlocal n_examples, n_tokens
        for one in encoded:
            n_examples, n_tokens = n_examples + 1, n_tokens + len(one)
            yield one

    trees = Trees(lay_out(counted(), align.row_tokens), folder)
    return Rows(trees, pack(trees, align.row_tokens, rng), n_examples, n_tokens, share)
