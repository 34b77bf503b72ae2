"""Alignment examples: what the recommender answers, free of any mode.

An example names its user, position and items by id and holds the recommender's answer; a mode only decides, at
rendering, whether a user or an item appears as text, as a vector, or as both. So one file serves every mode.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from recexplainer.data.splits import SplitName

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Example:
    """One question to the LLM with the answer that the recommender gives.

    `history` are the items before `position` that the prompt may show, oldest first; `vector_row` is the row of
    the table of user vectors that belongs to (user_id, position), or -1 where the question holds no user.
    """

    task: str
    split: str
    answer: list[int] | str  # item ids whose titles are the answer, or the answer's text
    user_id: int = 0
    position: int = 0
    vector_row: int = -1
    history: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)  # the items that the question shows
    aspect: str = ""  # a variant of the task's question
    turns: list[list[str]] = field(default_factory=list)  # (question, answer) of a dialogue
    author: str = ""  # who wrote a summary: `catalogue` (a rule), or the model behind an API

    def to_row(self) -> dict[str, Any]:
        """A JSON object without the fields that hold their defaults (row 0 of the user vectors is not a default)."""
        defaults = asdict(Example("", "", ""))
        return {
            key: value
            for key, value in asdict(self).items()
            if key in ("task", "split", "answer") or value != defaults[key]
        }


@dataclass(frozen=True)
class AlignmentData:
    """The alignment examples of all splits, and the one place that hands out those of a split.

    A stage that trains takes `TRAIN`, one that measures or explains takes `TEST`; none filters for itself.

    Attributes:
        examples: Of all tasks and splits, in the order of their file.
        user_vectors: (n_pairs, dim), the table that `vector_row` points into.
        drafts: Explanations that the base LLM drafted, in the order of their file.
    """

    examples: list[Example]
    user_vectors: Tensor
    drafts: list[Example] = field(default_factory=list)

    def of_split(self, split: SplitName, task: str | None = None) -> list[Example]:
        """The examples of a split's users, drafts last; of one task, or of all."""
        return [example for _, example in self.named(split) if task in (None, example.task)]

    def named(self, split: SplitName) -> list[tuple[str, Example]]:
        """The same with names that tell each one's line in its file: `example-12`, `draft-3`."""
        files = {"example": self.examples, "draft": self.drafts}
        return [
            (f"{name}-{line}", example)
            for name, examples in files.items()
            for line, example in enumerate(examples, start=1)
            if example.split == split
        ]


@dataclass(frozen=True)
class TeacherBatch:
    """Some (user, position) pairs and what the recommender says about them.

    `scores` is (n_pairs, n_items + 1) with the items of the whole history and the padding at −inf.
    """

    user_ids: np.ndarray
    positions: np.ndarray
    splits: list[str]
    vector_rows: np.ndarray
    histories: list[list[int]]  # as prompts may show them: the newest `max_history`, oldest first
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.user_ids)

    def example(
        self, row: int, task: str, answer: list[int] | str, items: list[int] | None = None, aspect: str = ""
    ) -> Example:
        """An example about the pair of one row."""
        return Example(
            task=task,
            split=self.splits[row],
            answer=answer,
            user_id=int(self.user_ids[row]),
            position=int(self.positions[row]),
            vector_row=int(self.vector_rows[row]),
            history=self.histories[row],
            items=items or [],
            aspect=aspect,
        )


NO_PAIRS = TeacherBatch(np.zeros(0, int), np.zeros(0, int), [], np.zeros(0, int), [], np.zeros((0, 0)))
