"""Task 1: which item does the recommender rank first?

Source: section 3.2 "next item retrieval"; the answer is the recommender's top item outside the whole history.
Departure: of a training user the first choices are taught, each as much as the softmax of the scores says (distillation
at the level of sequences), since one title alone does not say what comes near it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from recexplainer.core.places import items_at
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher

NAME = "next_item_retrieval"
ABOUT_USERS = True
SHARPNESS = 4.0  # of the softmax over standardised scores: the first choice's share is then about a third


def make_examples(teacher: Teacher) -> list[Example]:
    """One example per (user, position), of training users with the choices that are taught."""
    batch, n = teacher.batch, teacher.settings.choices_per_history
    best = batch.scores.argmax(axis=1)
    examples = [batch.example(row, NAME, [int(item)]) for row, item in enumerate(best)]
    for row, example in enumerate(examples):
        if n > 1 and example.split == "train":
            items, shares = choices(batch.scores[row], n)
            examples[row] = replace(example, choices=items, shares=shares)
    return examples


def choices(scores: np.ndarray, n: int) -> tuple[list[int], list[float]]:
    """The `n` best items, best first, and their shares of the softmax over the standardised scores.

    Args:
        scores: (n_items + 1,) of one user, −inf for what cannot be chosen.
        n: At most so many; fewer where there are fewer, or where their share is nothing.

    >>> choices(np.array([-np.inf, 1.0, 3.0, -np.inf, 2.9, 0.0]), 2)
    ([2, 4], [0.5778, 0.4222])
    """
    allowed = scores[np.isfinite(scores)]
    standard = (scores - allowed.mean()) / (float(allowed.std()) or 1.0)
    best = items_at(scores, range(len(allowed))[:n])
    weights = np.exp(SHARPNESS * (standard[best] - standard[best[0]]))
    shares = [round(float(share), 4) for share in weights / weights.sum()]
    kept = sum(share > 0 for share in shares)
    return best[:kept].tolist(), shares[:kept]


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """Every form of the mode."""
    return task.form_shares(mode, both_forms)


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user, and the question."""
    return [*writer.user(form, example.history, example.vector_row), wording.NEXT_ITEM_RETRIEVAL]


def score(examples: list[Example], answers: list[list[int | None]]) -> dict[str, float]:
    """HR@5, NDCG@5 and the share of invalid titles.

    Args:
        examples: The questions; `answer[0]` is the recommender's first item.
        answers: Per question at most five items, best first; None where a beam's text is not a title of the catalogue.

    >>> asked = [Example(NAME, "test", [7]), Example(NAME, "test", [8])]
    >>> score(asked, [[3, 7, None], [1, 2, 4]])
    {'hr@5': 0.5, 'ndcg@5': 0.3155, 'invalid_rate': 0.1667}
    """
    ranks = [
        answer[:5].index(example.answer[0]) if example.answer[0] in answer[:5] else None
        for example, answer in zip(examples, answers, strict=True)
    ]
    gains = [0.0 if rank is None else 1 / np.log2(rank + 2) for rank in ranks]
    titles = [item for answer in answers for item in answer]
    return {
        "hr@5": round(float(np.mean([rank is not None for rank in ranks])), 4),
        "ndcg@5": round(float(np.mean(gains)), 4),
        "invalid_rate": round(float(np.mean([item is None for item in titles])), 4) if titles else 1.0,
    }


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """Constrained beams over the titles that the recommender ranks, which are those outside the user's history. For
    comparison with the paper also unconstrained beams, in which any other answer counts as a miss.
    """
    constrained, texts = examiner.retrieve(examples)
    in_catalogue, free = (
        examiner.scored(score, examples, found, {"invalid_rate": [len(items) for items in found]})
        for found in (constrained, [[examiner.item(text) for text in row] for row in texts])
    )
    invalid = {"invalid_rate", "invalid_rate_interval"}  # constrained beams have none by construction
    metrics = {key: value for key, value in in_catalogue.items() if key not in invalid}
    metrics |= {key: value for key, value in free.items() if key in invalid} | {"free": free}
    return Measured(metrics, examples, constrained, texts)
