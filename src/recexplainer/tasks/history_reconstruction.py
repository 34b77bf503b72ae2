"""Task 6: which items stand behind the recommender's user vector?

Source: section 3.3 "history reconstruction"; `intention` and `both` only, since a history in words would give it away.
"""

from __future__ import annotations

import numpy as np

from recexplainer.data.examples import Example, TeacherBatch
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter

NAME = "history_reconstruction"


def make_examples(batch: TeacherBatch) -> list[Example]:
    """One example per (user, position); the newest item comes first, as the vector knows it best."""
    return [batch.example(row, NAME, list(reversed(history))) for row, history in enumerate(batch.histories)]


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
