"""What an explainer is held against: chance, popularity, and a small recommender distilled from the teacher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from recexplainer.core.places import items_at
from recexplainer.data.examples import Example
from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.base import NO_LIMIT, Recommender, pad_histories
from recexplainer.recommenders.baselines import Popularity
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.tasks import interest_classification, item_ranking, next_item_retrieval

Row = dict[str, Any]

STUDENT_READS = ("dim", "n_layers", "n_heads", "max_length", "temperature", "learning_rate")  # of the SASRec's settings
STUDENT_DROPOUT, STUDENT_WEIGHT_DECAY, STUDENT_BATCH = 0.1, 0.01, 64
_TASKS = (next_item_retrieval.NAME, item_ranking.NAME, interest_classification.NAME)


def evaluate_scores(each: Iterable[np.ndarray], examples: Sequence[Example], yes_until: float) -> Row:
    """The alignment metrics of anything that scores all items.

    Args:
        each: Scores (n_items + 1,) of each of the examples' `pairs_of`, seen items and padding at −inf.
        examples: Test examples of tasks 1 to 3.
        yes_until: The share of the unseen items that a question of task 3 is answered Yes for: those that are nearer to
            the liked than to the disliked ones (see `interest_classification.boundary`).
    """

    def answer(example: Example, scores: np.ndarray) -> Any:
        if example.task == interest_classification.NAME:
            return _p_yes(scores, example.items[0], yes_until)
        return _best(scores, 5) if example.task == next_item_retrieval.NAME else _ordered(scores, example.items)

    of_pair: dict[tuple[int, int], list[int]] = {pair: [] for pair in pairs_of(examples)}
    for place, example in enumerate(examples):
        if example.task in _TASKS and not example.aspect:
            of_pair[example.user_id, example.position].append(place)
    answers = {
        place: answer(examples[place], scores)
        for scores, places in zip(each, of_pair.values(), strict=True)
        for place in places
    }

    def answered(task: str) -> tuple[list[Example], list[Any]]:
        places = [place for place in sorted(answers) if examples[place].task == task]
        return [examples[place] for place in places], [answers[place] for place in places]

    interest, p_yes = answered(interest_classification.NAME)
    return {
        next_item_retrieval.NAME: next_item_retrieval.score(*answered(next_item_retrieval.NAME)),
        item_ranking.NAME: item_ranking.score(*answered(item_ranking.NAME)),
        interest_classification.NAME: interest_classification.score(interest, np.array(p_yes)),
    }


def evaluate_chance(
    interactions: Interactions, examples: Sequence[Example], rng: np.random.Generator, yes_until: float
) -> Row:
    """The alignment metrics of random scores for the items outside the whole history, as the recommender ranks them."""

    def drawn() -> Iterator[np.ndarray]:
        for user, position in pairs_of(examples):
            scores = rng.random(interactions.n_items + 1)
            scores[[PADDING_ID, *interactions.history(user, position)]] = -np.inf
            yield scores

    return evaluate_scores(drawn(), examples, yes_until)


def evaluate_recommender(
    recommender: Recommender, interactions: Interactions, examples: Sequence[Example], yes_until: float
) -> Row:
    """The alignment metrics of a recommender in the explainer's place."""
    histories = _histories(interactions, pairs_of(examples))
    return evaluate_scores(recommender.each_scores(histories, exclude_seen=True), examples, yes_until)


def best_items(
    recommender: Recommender, interactions: Interactions, examples: Sequence[Example], n: int
) -> dict[tuple[int, int], list[int]]:
    """The recommender's first `n` items of each (user, position), outside of the whole history, best first."""
    pairs = pairs_of(examples)
    each = recommender.each_scores(_histories(interactions, pairs), exclude_seen=True)
    return {pair: _best(scores, n) for pair, scores in zip(pairs, each, strict=True)}


def pairs_of(examples: Sequence[Example]) -> list[tuple[int, int]]:
    """The distinct (user, position) pairs of the examples about users, in order of appearance."""
    return list(dict.fromkeys((example.user_id, example.position) for example in examples if example.user_id))


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
        settings: `train_recommender.sasrec`, of which `STUDENT_READS` are read.
        seed: Of weights, order and dropout.
        epochs: Passes over the pairs.
    """
    histories = _histories(interactions, pairs)
    length = min(settings["max_length"], max(map(len, histories)), NO_LIMIT)
    inputs = pad_histories(histories, length)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = {name: settings[name] for name in STUDENT_READS}
        rate = shape.pop("learning_rate")
        student = SASRec(interactions.n_items, dropout=STUDENT_DROPOUT, **shape)
        optimiser = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=STUDENT_WEIGHT_DECAY)
        for _ in tqdm(range(epochs), desc="student", unit="epoch", disable=None):
            for rows in np.array_split(rng.permutation(len(inputs)), max(1, len(inputs) // STUDENT_BATCH)):
                states = student.scoring_states(student.hidden_states(inputs[rows], STUDENT_DROPOUT)[:, -1])
                targets = teacher.scores([histories[row] for row in rows])[:, 1:].softmax(dim=1)
                log_probabilities = (states @ student.scored_items()[1:].T).log_softmax(dim=1)
                loss = -(targets * log_probabilities).sum(dim=1).mean()
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
    return student.freeze()


def _histories(interactions: Interactions, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    return [interactions.history(user, position) for user, position in pairs]


def _best(scores: np.ndarray, n: int) -> list[int]:
    best: list[int] = items_at(scores, range(int(np.isfinite(scores).sum()))[:n]).tolist()
    return best


def _ordered(scores: np.ndarray, items: Sequence[int]) -> list[int]:
    return sorted(items, key=lambda item: -scores[item])


def _p_yes(scores: np.ndarray, item: int, yes_until: float) -> float:
    """A high value where few of the unseen items score higher than one item."""
    open_scores = scores[np.isfinite(scores)]
    share = float((open_scores > scores[item]).mean())
    return float(1 / (1 + np.exp(20 * (share - yes_until))))
