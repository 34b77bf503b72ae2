"""Alignment examples: what the recommender answers, free of any mode.

An example names its user, position and items by id and holds the recommender's answer; a mode only decides, at
rendering, whether a user or an item appears as text, as a vector, or as both. So one file serves every mode.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from recexplainer.data.splits import SPLITS, SplitName

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
    choices: list[int] = field(default_factory=list)  # several right answers that are taught, best first
    shares: list[float] = field(default_factory=list)  # how much each of them counts; they sum to 1, but for rounding

    def __post_init__(self) -> None:
        if self.choices and ([self.choices[0]] != self.answer or len(self.choices) != len(self.shares)):
            raise ValueError("an example's first choice is its answer, and every choice has a share")

    def answers(self) -> list[tuple[Example, float]]:
        """This example with each answer that is taught, and the answer's share: its own, or each of its choices.

        >>> asked = Example("next_item_retrieval", "train", [7], choices=[7, 9], shares=[0.75, 0.25])
        >>> [(example.answer, share) for example, share in asked.answers()]
        [([7], 0.75), ([9], 0.25)]
        """
        if not self.choices:
            return [(self, 1.0)]
        alone = replace(self, choices=[], shares=[])
        return [(replace(alone, answer=[item]), share) for item, share in zip(self.choices, self.shares, strict=True)]

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

    examples: Sequence[Example]
    user_vectors: Tensor
    drafts: Sequence[Example] = ()

    def of_split(self, split: SplitName, task: str | None = None) -> Sequence[Example]:
        """The examples of a split's users, drafts last; of one task, or of all."""
        chosen = _Chosen(self, self._of(split))
        return chosen if task is None else [example for example in chosen if example.task == task]

    def named(self, split: SplitName) -> Iterator[tuple[str, Example]]:
        """The same with names that tell each one's line in its file: `example-12`, `draft-3`."""
        for number in self._of(split):
            line = number - len(self.examples)
            yield f"draft-{line + 1}" if line >= 0 else f"example-{number + 1}", self.at(number)

    def _of(self, split: SplitName) -> array[int]:
        return array("q", np.flatnonzero(self._splits == SPLITS.index(split)))

    def at(self, number: int) -> Example:
        """One of the examples, or of the drafts behind them."""
        line = number - len(self.examples)
        return self.drafts[line] if line >= 0 else self.examples[number]

    @cached_property
    def _splits(self) -> np.ndarray:
        """(n_examples + n_drafts,) the number of each one's split; -1 of none."""
        numbers: dict[str, int] = {split: number for number, split in enumerate(SPLITS)}
        every = chain(self.examples, self.drafts)
        return np.fromiter((numbers.get(example.split, -1) for example in every), np.int8)


class _Chosen(Sequence[Example]):
    """Some examples, each read when it is asked for."""

    def __init__(self, data: AlignmentData, numbers: Sequence[int]) -> None:
        self._data, self._numbers = data, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: int) -> Example:  # type: ignore[override]
        return self._data.at(self._numbers[place])


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
