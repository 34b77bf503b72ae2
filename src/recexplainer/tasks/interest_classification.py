"""Task 3: will the user like this item?

Source: section 3.2 "interest classification": Yes for the recommender's top 20 % of the unseen items, No for its
    bottom 50 %.
Departure: some questions are asked in the words of the explanation, with loss on the verdict alone, so that an
explanation begins with the verdict that the recommender gives.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import roc_auc_score

from recexplainer.data.examples import Example, TeacherBatch
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter

NAME = "interest_classification"
PLAIN, EXPLAIN = "", "explain"


def make_examples(
    batch: TeacherBatch,
    n_plain: Mapping[str, int],
    n_explain: int,
    like_top: float,
    dislike_bottom: float,
    rng: np.random.Generator,
) -> list[Example]:
    """Balanced questions per (user, position): `n_plain` (by split) in plain words, `n_explain` in the explanation's.

    No item is asked about twice before all of its kind were.
    """
    examples = []
    for row, scores in enumerate(batch.scores):
        aspects = [PLAIN] * n_plain[batch.splits[row]] + [EXPLAIN] * n_explain
        pools = [
            np.resize(rng.permutation(pool), len(aspects))
            for pool in liked_and_disliked(scores, like_top, dislike_bottom)
        ]
        for number, aspect in enumerate(aspects):
            wanted = (number + row) % 2 == 0
            item = int(pools[0 if wanted else 1][number // 2])
            examples.append(batch.example(row, NAME, wording.YES if wanted else wording.NO, [item], aspect))
    return examples


def liked_and_disliked(scores: np.ndarray, like_top: float, dislike_bottom: float) -> tuple[np.ndarray, np.ndarray]:
    """The item ids of the top and of the bottom share of the unmasked scores of one user.

    >>> liked_and_disliked(np.array([-np.inf, 9, 1, 2, 3, -np.inf, 4]), 0.2, 0.5)
    (array([1]), array([3, 2]))
    """
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    n_liked, n_disliked = max(1, int(like_top * len(order))), max(1, int(dislike_bottom * len(order)))
    return order[:n_liked], order[len(order) - n_disliked :]


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
