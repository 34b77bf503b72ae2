"""Task 3: will the user like this item?

Source: section 3.2 "interest classification": Yes for the recommender's top 20 % of the unseen items, No for its
    bottom 50 %.
Departure: some questions are asked in the words of the explanation, with loss on the verdict alone, so that an
explanation begins with the verdict that the recommender gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from recexplainer.core.places import items_at
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher, by_split

NAME = "interest_classification"
ABOUT_USERS = True
PLAIN, EXPLAIN = "", "explain"
SHARES = (0.2, 0.5)  # the paper's, of the liked and of the disliked items


def make_examples(teacher: Teacher) -> list[Example]:
    """Balanced questions per (user, position): some in plain words, some in the explanation's.

    No item is asked about twice before all of its kind were.
    """
    batch, chosen = teacher.batch, teacher.settings
    n_plain = by_split(chosen.classifications_per_history, chosen.eval_classifications_per_history)
    examples = []
    for row, scores in enumerate(batch.scores):
        aspects = [PLAIN] * n_plain[batch.splits[row]] + [EXPLAIN] * chosen.verdicts_per_history
        liked, disliked = [
            items_at(scores, drawn(pool, (len(aspects) + 1) // 2, teacher.rng))
            for pool in liked_and_disliked(scores, chosen.like_top, chosen.dislike_bottom)
        ]
        for number, aspect in enumerate(aspects):
            wanted = (number + row) % 2 == 0
            item = int((liked if wanted else disliked)[number // 2])
            examples.append(batch.example(row, NAME, wording.YES if wanted else wording.NO, [item], aspect))
    return examples


def liked_and_disliked(scores: np.ndarray, like_top: float, dislike_bottom: float) -> tuple[range, range]:
    """The places of the top and of the bottom share of the unmasked scores of one user (see `core.places`).

    >>> scores = np.array([-np.inf, 9, 1, 2, 3, -np.inf, 4])
    >>> liked_and_disliked(scores, 0.2, 0.5)
    (range(0, 1), range(3, 5))
    >>> items_at(scores, range(3, 5))
    array([3, 2])
    """
    n = int(np.isfinite(scores).sum())
    n_liked, n_disliked = max(1, int(like_top * n)), max(1, int(dislike_bottom * n))
    return range(min(n, n_liked)), range(max(0, n - n_disliked), n)


def boundary(like_top: float, dislike_bottom: float) -> float:
    """The share of the ranking at whose end an item is as near to the liked as to the disliked ones.

    >>> boundary(0.2, 0.5)
    0.35
    """
    return (like_top + 1 - dislike_bottom) / 2


def drawn(pool: range, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) places of a range in random order, none a second time before all were drawn."""
    places = np.arange(pool.start, pool.stop)  # numpy reads a range itself place by place
    return np.resize(rng.permutation(places), n)


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """Every form of the mode."""
    return task.form_shares(mode, both_forms)


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user, the question, and the item last: all that the questions about one user share comes before it."""
    closing = wording.ANSWER_AND_EXPLAIN if example.aspect == EXPLAIN else wording.ANSWER_YES_NO
    user = writer.user(form, example.history, example.vector_row)
    return [*user, f"{wording.INTEREST} {closing}\n", *writer.item(form, example.items[0])]


def score(examples: list[Example], p_yes: np.ndarray) -> dict[str, float]:
    """Accuracy at p(Yes) ≥ p(No), and the area under the ROC curve (absent where all answers are alike).

    Args:
        examples: The questions.
        p_yes: (n,) the probability of Yes against No.
    """
    labels = np.array([example.answer == wording.YES for example in examples])
    both = labels.any() and not labels.all()
    accuracy = {"accuracy": round(float(np.mean((p_yes >= 0.5) == labels)), 4)}
    return accuracy | ({"auc": round(float(roc_auc_score(labels, p_yes)), 4)} if both else {})


def asked(examples: Sequence[Example]) -> list[Example]:
    """The plain questions; those in the explanation's words measure `explanation`."""
    return [example for example in task.of_task(NAME, examples) if example.aspect == PLAIN]


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """The probability of Yes against No."""
    p_yes = examiner.p_yes(examples)
    labels = np.array([example.answer == wording.YES for example in examples])
    metrics = {**examiner.scored(_score, examples, list(p_yes)), **examiner.auc_interval(examples, labels, p_yes)}
    return Measured(metrics, examples, [round(float(p), 6) for p in p_yes])


def _score(examples: list[Example], p_yes: list[float]) -> dict[str, float]:
    return score(examples, np.array(p_yes))
