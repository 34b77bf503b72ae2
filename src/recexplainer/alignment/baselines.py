"""What an explainer is held against: chance, popularity, and a small recommender distilled from the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from recexplainer.data.examples import Example
from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.base import NO_LIMIT, Recommender, pad_histories
from recexplainer.recommenders.baselines import Popularity
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.tasks import interest_classification, item_ranking, next_item_retrieval

Row = dict[str, Any]


def evaluate_scores(scores: np.ndarray, examples: Sequence[Example], rows: dict[tuple[int, int], int]) -> Row:
    """The alignment metrics of anything that scores all items.

    Args:
        scores: (n_pairs, n_items + 1), seen items and padding at −inf.
        examples: Test examples of tasks 1 to 3.
        rows: The row of `scores` of each (user, position).

    A question of task 3 is answered Yes where the item is nearer to the top 20 % than to the bottom 50 %, that
    is in the top 35 % of the unseen items.
    """
    by_task: dict[str, list[Example]] = {}
    for example in examples:
        if not example.aspect:
            by_task.setdefault(example.task, []).append(example)
    retrieval, ranking, interest = (
        by_task.get(module.NAME, []) for module in (next_item_retrieval, item_ranking, interest_classification)
    )

    def of(example: Example) -> np.ndarray:
        return scores[rows[example.user_id, example.position]]

    best = [np.argsort(-of(example), kind="stable")[:5].tolist() for example in retrieval]
    orders = [_ordered(example.items, of(example)) for example in ranking]
    shares = [_share_above(of(example), example.items[0]) for example in interest]
    p_yes = np.array([1 / (1 + np.exp(20 * (share - 0.35))) for share in shares])
    return {
        next_item_retrieval.NAME: next_item_retrieval.score(retrieval, best),
        item_ranking.NAME: item_ranking.score(ranking, orders),
        interest_classification.NAME: interest_classification.score(interest, p_yes),
    }


def evaluate_chance(interactions: Interactions, examples: Sequence[Example], rng: np.random.Generator) -> Row:
    """The alignment metrics of random scores for the items outside the whole history, as the recommender ranks them."""
    pairs = pair_rows(examples)
    scores = rng.random((len(pairs), interactions.n_items + 1))
    for (user, position), row in pairs.items():
        scores[row, [PADDING_ID, *interactions.sequence(user)[:position]]] = -np.inf
    return evaluate_scores(scores, examples, pairs)


def evaluate_recommender(recommender: Recommender, interactions: Interactions, examples: Sequence[Example]) -> Row:
    """The alignment metrics of a recommender in the explainer's place."""
    pairs = pair_rows(examples)
    histories = [interactions.sequence(user)[:position].tolist() for user, position in pairs]
    scores = recommender.scores(histories, exclude_seen=True).double().numpy()
    return evaluate_scores(scores, examples, pairs)


def best_items(
    recommender: Recommender, interactions: Interactions, examples: Sequence[Example], n: int
) -> dict[tuple[int, int], list[int]]:
    """The recommender's first `n` items of each (user, position), outside of the whole history, best first."""
    pairs = list(pair_rows(examples))
    histories = [interactions.sequence(user)[:position].tolist() for user, position in pairs]
    table = recommender.scores(histories, exclude_seen=True).double().numpy()
    return {pair: np.argsort(-scores, kind="stable")[:n].tolist() for pair, scores in zip(pairs, table, strict=True)}


def pair_rows(examples: Sequence[Example]) -> dict[tuple[int, int], int]:
    """The distinct (user, position) pairs of the examples about users, numbered in order of appearance."""
    rows: dict[tuple[int, int], int] = {}
    for example in (example for example in examples if example.user_id):
        rows.setdefault((example.user_id, example.position), len(rows))
    return rows


def train_popularity(interactions: Interactions) -> Recommender:
    """Popularity over all interactions: it asks how far the teacher follows the crowd."""
    return Popularity.fit(interactions)


def train_student(
    teacher: Recommender,
    interactions: Interactions,
    pairs: Sequence[tuple[int, int]],
    settings: dict[str, Any],
    seed: int,
    epochs: int,
) -> SASRec:
    """A fresh SASRec that learns the teacher's distribution over items from the pairs the explainers are aligned on.

    Source: the paper's "SASRec student"; the loss is the cross-entropy to the teacher's softmax (the paper names none).

    Args:
        teacher: The frozen recommender.
        interactions: The histories.
        pairs: (user, position) pairs of the training users.
        settings: `train_recommender.sasrec`.
        seed: Of weights, order and dropout.
        epochs: Passes over the pairs.
    """
    histories = [interactions.sequence(user)[:position].tolist() for user, position in pairs]
    length = min(settings["max_length"], max(map(len, histories)), NO_LIMIT)
    inputs = pad_histories(histories, length)
    targets = teacher.scores(histories)[:, 1:].softmax(dim=1)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        names = ("dim", "n_layers", "n_heads", "max_length", "dropout", "temperature")
        shape = {name: settings[name] for name in names}
        student = SASRec(interactions.n_items, **shape)
        optimiser = torch.optim.AdamW(student.parameters(), lr=settings["learning_rate"], weight_decay=0.01)
        for _ in tqdm(range(epochs), desc="student", unit="epoch", disable=None):
            for rows in np.array_split(rng.permutation(len(inputs)), max(1, len(inputs) // 64)):
                states = student.scoring_states(student.hidden_states(inputs[rows], dropout=0.1)[:, -1])
                log_probabilities = (states @ student.scored_items()[1:].T).log_softmax(dim=1)
                loss = -(targets[rows] * log_probabilities).sum(dim=1).mean()
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
    return student.freeze()


def _ordered(items: Sequence[int], scores: np.ndarray) -> list[int]:
    return sorted(items, key=lambda item: -scores[item])


def _share_above(scores: np.ndarray, item: int) -> float:
    """The share of the unseen items that score higher than one item."""
    open_scores = scores[np.isfinite(scores)]
    return float((open_scores > scores[item]).mean())
