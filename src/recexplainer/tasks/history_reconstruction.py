"""Task 6: which items are behind the recommender's user vector?

Source: section 3.3 "history reconstruction"; `intention` and `both` only, since a history in words would give it away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher

NAME = "history_reconstruction"
ABOUT_USERS = True


def make_examples(teacher: Teacher) -> list[Example]:
    """One example per (user, position); the newest item comes first, as the vector knows it best."""
    batch = teacher.batch
    return [batch.example(row, NAME, list(reversed(history))) for row, history in enumerate(batch.histories)]


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """As a vector alone: a history in words would give the answer away."""
    return task.form_shares(mode, both_forms, ("intention",))


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user as a vector, whatever the form, and the question."""
    return [*writer.user("intention", [], example.vector_row), wording.HISTORY_RECONSTRUCTION]


def score(examples: list[Example], answers: list[list[int | None]]) -> dict[str, float]:
    """HCR: the share of the history's items that are named, by set overlap: a title named twice counts once.

    >>> asked = [Example(NAME, "test", [1, 2, 3, 4])]
    >>> score(asked, [[1, 1, 1, 1]])
    {'hcr': 0.25}
    """
    overlaps = [
        len(set(example.answer) & set(answer)) / len(set(example.answer))
        for example, answer in zip(examples, answers, strict=True)
    ]
    return {"hcr": round(float(np.mean(overlaps)), 4)}


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """The titles that the answer lists; a mode without vectors is not asked."""
    if not examiner.reads_vectors:
        return Measured({})
    texts = examiner.generate(examples, examiner.max_title_tokens * max(len(e.history) for e in examples))
    answers = examiner.listed(texts)
    return Measured(examiner.scored(score, examples, answers), examples, answers, texts)
