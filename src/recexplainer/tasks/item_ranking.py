"""Task 2: put five candidates into the recommender's order.

Source: section 3.2 "item ranking"; the candidates are drawn uniformly from the recommender's ranking of the unseen
items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import kendalltau

from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher, by_split

NAME = "item_ranking"
ABOUT_USERS = True
PAPER_GAINS = (1000.0, 100.0, 10.0, 1.0, 0.0)


def make_examples(teacher: Teacher) -> list[Example]:
    """Some rankings per (user, position): candidates in random order, the answer in the recommender's."""
    batch, n_candidates, rng = teacher.batch, teacher.settings.n_candidates, teacher.rng
    n_rankings = by_split(teacher.settings.rankings_per_history, 1)
    examples = []
    for row, scores in enumerate(batch.scores):
        unseen = np.flatnonzero(np.isfinite(scores))
        for _ in range(n_rankings[batch.splits[row]]):
            candidates = rng.choice(unseen, size=n_candidates, replace=False)
            order = candidates[np.argsort(-scores[candidates], kind="stable")]
            examples.append(batch.example(row, NAME, [int(i) for i in order], [int(i) for i in candidates]))
    return examples


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """Every form of the mode."""
    return task.form_shares(mode, both_forms)


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user, the question, and one candidate per line."""
    content = [*writer.user(form, example.history, example.vector_row), wording.ITEM_RANKING]
    for item in example.items:
        content += ["\n", *writer.candidate(form, item)]
    return content


def score(examples: list[Example], answers: list[list[int]]) -> dict[str, float]:
    """NDCG@5 with the paper's gains and with linear gains, Kendall's tau, and the share of answers that are no
    permutation.

    An answer that is not a permutation of the candidates scores by what it names in place (and 0 in tau).

    >>> asked = [Example(NAME, "test", [1, 2, 3, 4, 5])]
    >>> score(asked, [[1, 2, 3, 4, 5]])
    {'paper_ndcg@5': 1.0, 'ndcg@5': 1.0, 'kendall_tau': 1.0, 'invalid_rate': 0.0}
    >>> score(asked, [[5, 4, 3, 2, 1]])["paper_ndcg@5"]
    0.4076
    """
    rows = [_score_one(example.answer, answer) for example, answer in zip(examples, answers, strict=True)]
    means = np.mean(rows, axis=0)
    names = ("paper_ndcg@5", "ndcg@5", "kendall_tau", "invalid_rate")
    return {name: round(float(value), 4) for name, value in zip(names, means, strict=True)}


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """The candidates in the order in which the answer names them, one title per line."""
    answers, texts = examiner.rank(examples)
    return Measured(examiner.scored(score, examples, answers), examples, answers, texts)


def _score_one(ideal: list[int] | str, answer: list[int]) -> tuple[float, float, float, float]:
    assert isinstance(ideal, list)
    n = len(ideal)
    paper = dict(zip(ideal, [*PAPER_GAINS[: n - 1], 0.0], strict=True)) if n <= 5 else {}
    linear = {item: float(n - 1 - place) for place, item in enumerate(ideal)}
    unique = list(dict.fromkeys(item for item in answer if item in linear))
    valid = len(unique) == n == len(answer)
    tau = float(kendalltau([ideal.index(item) for item in answer], range(n)).statistic) if valid else 0.0
    return _ndcg(paper, ideal, unique), _ndcg(linear, ideal, unique), tau, float(not valid)


def _ndcg(gains: dict[int, float], ideal: list[int], answer: list[int]) -> float:
    discounts = 1 / np.log2(np.arange(len(ideal)) + 2)
    best = sum(gains[item] * discount for item, discount in zip(ideal, discounts, strict=True))
    return float(sum(gains[item] * discount for item, discount in zip(answer, discounts, strict=False)) / best)
