"""Lessons in reading vectors: an invented recommender per user, asked what alignment asks, on worlds of the recipe.

Alignment puts a recommender's vectors where words stand. A large LLM finds its way in such a place; one of this size
needs thousands of examples before it compares two vectors at all. So it is taught that skill beforehand: an
item's slot holds the mean of the item's words, a user's slot the direction in which an invented taste orders the items
(`recexplainer.alignment.warm_start`), and the answers follow from comparing them. Each user has another taste, so
nothing can be learnt but to read the slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from recexplainer.alignment.chat import ChatEncoder, Encoded
from recexplainer.alignment.examples import Example, TeacherBatch
from recexplainer.alignment.packing import Tree, share_prefixes
from recexplainer.alignment.prompts import Form, PromptWriter, answer_text, render
from recexplainer.alignment.tasks import (
    history_reconstruction,
    interest_classification,
    item_discrimination,
    item_ranking,
    next_item_retrieval,
    user_summary,
)
from recexplainer.alignment.warm_start import padded
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.dialogues import explain
from recexplainer.data.world import World

_FORMS: tuple[Form, ...] = ("intention", "both")


@dataclass(frozen=True)
class Taught:
    """A world of the lessons, as alignment would see it."""

    world: World
    writer: PromptWriter
    item_tokens: torch.Tensor  # (n_items, length), −1 behind the shorter texts


@dataclass(frozen=True)
class Part:
    """A piece of a packed row, and what its slots stand for."""

    tree: Tree
    taught: Taught | None = None
    scores: np.ndarray | None = None  # (n_items,) of the user in the slots


def taught(world: World, encoder: ChatEncoder) -> Taught:
    """Prepare a world for the lessons in vectors."""
    frame = pd.DataFrame(
        {
            "item_id": range(1, len(world.games) + 1),
            "title": [game.title for game in world.games],
            "brand": [game.studio for game in world.games],
            "categories": [[game.platform, game.genre] for game in world.games],
            "features": [game.features for game in world.games],
            "description": [game.description for game in world.games],
            "price": [game.price for game in world.games],
        }
    )
    writer = PromptWriter(Catalogue(frame), n_categories=2)
    tokens = padded([encoder.answer_ids(writer.item_text(item)) for item in frame["item_id"]])
    return Taught(world, writer, tokens)


def lesson(rng: np.random.Generator, taught: Taught, encoder: ChatEncoder, max_tokens: int) -> list[Part]:
    """One user's questions in one form, and a few about items; what is longer than `max_tokens` is left out."""
    scores, encoded = _draw(rng, taught, encoder)
    trees = share_prefixes([example for _, example in encoded if len(example) <= max_tokens], max_tokens)
    return [Part(tree, taught, scores) for tree in trees]


def lesson_by_task(rng: np.random.Generator, taught: Taught, encoder: ChatEncoder) -> dict[str, list[Part]]:
    """The same, each question alone, by its task."""
    scores, encoded = _draw(rng, taught, encoder)
    by_task: dict[str, list[Part]] = {}
    for task, example in encoded:
        [tree] = share_prefixes([example], len(example))
        by_task.setdefault(task, []).append(Part(tree, taught, scores))
    return by_task


def _draw(
    rng: np.random.Generator, taught: Taught, encoder: ChatEncoder
) -> tuple[np.ndarray, list[tuple[str, Encoded]]]:
    history, scores = _taste(rng, taught.world)
    form = _FORMS[int(rng.integers(2))]
    asked = [(example, form) for example in _questions(rng, taught, history, scores, form)]
    asked += [(example, "intention") for example in _item_questions(rng, taught)]
    return scores, [(example.task, _encode(taught, encoder, example, form)) for example, form in asked]


def _taste(rng: np.random.Generator, world: World) -> tuple[list[int], np.ndarray]:
    """A history (item ids, oldest first) and the scores (n_items,) of a recommender that one user invents."""
    games = world.games
    platforms, genres = ({name: rng.normal() for name in names} for names in _traits(world))
    popularity = np.array([game.popularity for game in games])
    scores = np.array([platforms[game.platform] + genres[game.genre] for game in games])
    scores += rng.normal() * 0.5 * (popularity - popularity.mean()) / (popularity.std() + 1e-9)
    scores += rng.normal(scale=0.3, size=len(games))
    chances = np.exp(1.5 * scores) / np.exp(1.5 * scores).sum()
    history = rng.choice(len(games), size=int(rng.integers(3, 9)), replace=False, p=chances)
    played = {games[row].franchise for row in history}
    scores += rng.uniform(0, 2) * np.array([game.franchise in played for game in games])
    return [int(row) + 1 for row in history], scores


def _traits(world: World) -> tuple[list[str], list[str]]:
    return list(world.platforms), sorted({game.genre for game in world.games})


def _questions(
    rng: np.random.Generator, taught: Taught, history: list[int], scores: np.ndarray, form: Form
) -> list[Example]:
    open_scores = np.concatenate([[-np.inf], scores])[None]
    open_scores[0, history] = -np.inf
    one = np.array([1])
    batch = TeacherBatch(one, one, ["train"], np.array([0]), [history], open_scores)
    catalogue = taught.writer.catalogue
    examples = [
        *next_item_retrieval.make_examples(batch),
        *item_ranking.make_examples(batch, 5, rng),
        *item_ranking.make_examples(batch, 5, rng),
        *interest_classification.make_examples(batch, 4, 2, 0.2, 0.5, rng),
    ]
    if form == "intention" and rng.random() < 0.5:
        examples += history_reconstruction.make_examples(batch)
    if rng.random() < 0.3:
        examples += user_summary.make_examples(batch, catalogue, taught.writer.common)
    return examples


def _item_questions(rng: np.random.Generator, taught: Taught) -> list[Example]:
    items = rng.integers(1, taught.writer.catalogue.n_items + 1, size=3)
    return [
        Example(item_discrimination.NAME, "train", [int(item)], items=[int(item)], aspect=item_discrimination.TITLE)
        for item in items
    ]


def _encode(taught: Taught, encoder: ChatEncoder, example: Example, form: Form) -> Encoded:
    content, answer, ends = render(taught.writer, example, form), answer_text(taught.writer, example), True
    if example.aspect == interest_classification.EXPLAIN:
        if form == "both":
            games = [taught.world.games[item - 1] for item in [*example.history, example.items[0]]]
            answer = explain(np.random.default_rng(0), games[:-1], games[-1], answer)
        else:
            ends = False  # without titles to name, the verdict is all that can be taught
    return encoder.example(content, answer, ends=ends, group=1 if example.user_id else -1)
