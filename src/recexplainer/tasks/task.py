"""What an alignment task provides, and what it is given.

A task is a module of this package with the members of `Task`. To add one, write the module, list it in
`recexplainer.tasks.known.TASKS`, put its wording into `prompting.wording`, and name it in params.yaml where it shall be
measured (`evaluate_alignment.tasks`) or counted otherwise than once (`align.mixture`, `align.weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from recexplainer.core.settings import BuildAlignment
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import NO_PAIRS, Example, TeacherBatch
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter

if TYPE_CHECKING:
    from recexplainer.data.interactions import Interactions
    from recexplainer.recommenders.base import Recommender

Row = dict[str, Any]
Score = Callable[[list[Example], list[Any]], Mapping[str, float]]


@dataclass(frozen=True)
class Teacher:
    """What examples are made from: the frozen recommender, its data, and how much to ask.

    Attributes:
        batch: Some (user, position) pairs with the recommender's scores, for a task about users; else without pairs.
        common: Categories that too many items share to say anything.
        rng: Shared by all tasks, which draw from it in their order.
    """

    recommender: Recommender
    interactions: Interactions
    catalogue: Catalogue
    dialogues: Sequence[Row]
    settings: BuildAlignment
    common: set[str]
    rng: np.random.Generator
    batch: TeacherBatch = NO_PAIRS


@dataclass(frozen=True)
class Measured:
    """The metrics of one task, and the answer to each example; without examples the task was not asked."""

    metrics: Row
    examples: Sequence[Example] = ()
    answers: Sequence[Any] = ()
    texts: Sequence[Any] = ()  # what was generated, where the answers were read from it

    def rows(self) -> list[Row]:
        """One row per example: what was asked, expected and answered."""
        rows = [
            {
                "task": example.task,
                "aspect": example.aspect,
                "user_id": example.user_id,
                "position": example.position,
                "items": example.items,
                "expected": example.answer,
                "answer": answer,
            }
            for example, answer in zip(self.examples, self.answers, strict=True)
        ]
        for row, text in zip(rows, self.texts, strict=False):
            row["text"] = text
        return rows


class Examiner(Protocol):
    """Asks one explainer a task's questions, reads its answers, and scores them."""

    writer: PromptWriter
    catalogue: Catalogue
    max_title_tokens: int

    @property
    def form(self) -> Form:
        """The form in which the explainer is asked."""

    @property
    def reads_vectors(self) -> bool:
        """Whether the explainer's mode shows it vectors."""

    def retrieve(self, examples: Sequence[Example]) -> tuple[list[list[int | None]], list[list[str]]]:
        """The best titles of each question: items of the catalogue outside of the history, and free texts."""

    def rank(self, examples: Sequence[Example]) -> tuple[list[list[int | None]], list[str]]:
        """Each question's candidates in the explainer's order, and the texts where it ranks in free text."""

    def name(self, examples: Sequence[Example], otherwise: str, most: int) -> list[list[int]]:
        """At most so many items of the shown history, constrained to it; none where the answer is `otherwise`."""

    def p_yes(self, examples: Sequence[Example]) -> np.ndarray:
        """(n,) the probability of Yes against No."""

    def generate(self, examples: Sequence[Example], max_new_tokens: int) -> list[str]:
        """A text per question."""

    def longest(self, texts: Sequence[str]) -> int:
        """The number of tokens of the longest text, with its end."""

    def item(self, text: str) -> int | None:
        """The item whose title a text is; None if there is none."""

    def listed(self, texts: Sequence[str]) -> list[list[int | None]]:
        """The items of texts that name one per line; None where a line is not a title."""

    def scored(
        self,
        score: Score,
        examples: Sequence[Example],
        answers: Sequence[Any],
        sizes: Mapping[str, Sequence[int]] | None = None,
    ) -> Row:
        """A task's metrics with their intervals; `sizes` as `alignment.intervals.mean_intervals` takes them."""

    def auc_interval(self, examples: Sequence[Example], labels: np.ndarray, p_yes: np.ndarray) -> Row:
        """The interval of the area under the ROC curve."""


class Task(Protocol):
    """One alignment task.

    Attributes:
        NAME: As examples, params.yaml and metrics name it: that of the module.
        ABOUT_USERS: Whether `make_examples` is called for every batch of (user, position) pairs, or once.
    """

    NAME: str
    ABOUT_USERS: bool

    def make_examples(self, teacher: Teacher) -> Iterable[Example]:
        """What the teacher answers, of all splits: made one by one where there are as many as items."""

    def form_shares(self, example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
        """The forms in which a mode trains on an example, and the share of the users who see it in each."""

    def question(self, writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
        """The words of the question and its slots."""

    def asked(self, examples: Sequence[Example]) -> list[Example]:
        """Of the test examples of all tasks those that measure this one."""

    def evaluate(self, examiner: Examiner, examples: Sequence[Example]) -> Measured:
        """Ask an explainer and score its answers; without metrics where its mode cannot be asked."""


def form_shares(
    mode: str, both_forms: Mapping[str, float], allowed: Sequence[Form] = ("behaviour", "intention", "both")
) -> dict[Form, float]:
    """A mode trains in its own form alone; `both` trains in all three, in the shares of `align.both_forms`.

    Source: section 3.4: `both` trains on behaviour, intention and mixed forms. Departure: the shares are a parameter.

    >>> form_shares("both", {"behaviour": 0.2, "intention": 0.3, "both": 0.5}, ("behaviour", "intention"))
    {'behaviour': 0.2, 'intention': 0.3}
    >>> form_shares("intention", {})
    {'intention': 1.0}
    """
    if mode == "both":
        return {form: both_forms[form] for form in allowed}
    return {form: 1.0 for form in allowed if form == mode}


def of_task(name: str, examples: Sequence[Example]) -> list[Example]:
    """The examples of one task."""
    return [example for example in examples if example.task == name]


def by_split(n_train: int, n_eval: int) -> dict[str, int]:
    """A number for each split: one for the users who are trained on, one for the others."""
    return {"train": n_train, "valid": n_eval, "test": n_eval}
