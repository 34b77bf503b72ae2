"""Lessons in reading slots: positions of a prompt that hold vectors in the place of words.

Alignment puts the recommender's vectors into an LLM's prompts, and its warm start makes an item's slot the mean of the
item's word embeddings and a user's slot the direction in which the items that suit the user lie (recexplainer's
`alignment.warm_start`). A large LLM finds out in little time what it can do with such positions; one of this size does
not. So it is taught on invented catalogues, with tastes drawn at random in the place of a recommender: to spell the
item in a slot, and to say how an item suits a user by the two slots. Of the demo's items, users and recommender it
learns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recexplainer.alignment.warm_start import item_words, ranking_map, user_slots
from recexplainer.core.places import items_at
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.demo.dialogues import explain
from recexplainer.demo.world import World
from recexplainer.prompting import wording
from recexplainer.prompting.chat import IGNORED, ChatEncoder, Content, Encoded
from recexplainer.prompting.prompts import Form, PromptWriter, answer_text
from recexplainer.tasks import (
    explanation,
    interest_classification,
    item_discrimination,
    item_ranking,
    next_item_retrieval,
)
from recexplainer.tasks.rendering import render

KINDS = {
    "title": 0.16, "categories": 0.04, "taste": 0.1, "verdict": 0.28, "rank": 0.26, "first": 0.04, "explain": 0.12,
}  # fmt: skip
START_WEIGHTS = {  # of the loss where a line of the answer begins: there it is decided, the rest is copied
    "taste": 2.0, "verdict": 20.0, "rank": 6.0, "first": 2.0, "explain": 20.0,
}  # fmt: skip
IN_WORDS = {"verdict": 0.4, "rank": 0.4, "first": 0.4, "explain": 1.0}
Taste = Callable[[np.random.Generator, World], np.ndarray]  # float64 (n_items,) scores
TASTE = "Which platform and which genre suit this user best?"
_N_CANDIDATES = 5
_REFRESH = 20  # steps for which the slots of the moving embeddings are kept


@dataclass(frozen=True)
class Lesson:
    """One encoded lesson; its item slots hold rows of the items of all worlds, its user slot stands for `scores`."""

    encoded: Encoded
    world: int = 0
    scores: np.ndarray | None = None  # float32 (n_items,), where the lesson has a user
    weights: np.ndarray | float = 1.0  # of the loss on the answer, per token


class SlotLessons:
    """Draws lessons about the worlds' items and about users of random taste.

    Args:
        worlds: All of one size.
        encoder: Of the tokenizer.
        writers: Of the worlds' catalogues.
        kinds: The shares of the kinds of lessons.
        in_words: The share of the lessons about a user, by kind, that show the history in words next to the slot.
        taste: Draws how each item of a world suits a user.
        hides_history: Whether what a user has seen does not count in the user's slot.
    """

    def __init__(
        self,
        worlds: Sequence[World],
        encoder: ChatEncoder,
        writers: Sequence[PromptWriter] | None = None,
        kinds: Mapping[str, float] = KINDS,
        in_words: Mapping[str, float] = IN_WORDS,
        taste: Taste | None = None,
        hides_history: bool = False,
    ) -> None:
        self.worlds, self.encoder = worlds, encoder
        [self.line_break] = encoder.answer_ids("\n")
        self.writers = writers or [PromptWriter(world_catalogue(world), n_categories=3) for world in worlds]
        self.kinds, self.in_words, self.taste = kinds, in_words, taste or random_taste
        self.hides_history = hides_history

    def draw(self, rng: np.random.Generator, kind: str | None = None) -> Lesson:
        """A lesson of a kind, or of one drawn by the shares of the kinds."""
        kind = kind or str(rng.choice(list(self.kinds), p=list(self.kinds.values())))
        number = int(rng.integers(len(self.worlds)))
        if kind in ("title", "categories"):
            item = 1 + int(rng.integers(self.writers[number].catalogue.n_items))
            return self._about_item(number, item, kind)
        scores = self.taste(rng, self.worlds[number])
        if kind == "taste":
            content = [*self.writers[number].user("intention", [], 0), TASTE]
            return self._encoded(number, content, favourites(self.worlds[number], scores), scores, START_WEIGHTS[kind])
        example, form = self._about_user(rng, number, scores, kind)
        if self.hides_history:
            scores[[item - 1 for item in example.history]] = -np.inf
        return self._lesson(number, example, form, scores, START_WEIGHTS[kind])

    def token_ids(self) -> Tensor:
        """(n_worlds, n_items, length) the tokens of every item's text, −1 behind the shorter ones."""
        texts = [
            [self.encoder.answer_ids(writer.item_text(item)) for item in range(1, writer.catalogue.n_items + 1)]
            for writer in self.writers
        ]
        longest = max(len(text) for world in texts for text in world)
        return torch.tensor([[[*text, *[-1] * (longest - len(text))] for text in world] for world in texts])

    def _about_item(self, number: int, item: int, kind: str) -> Lesson:
        attributes = self.writers[number].catalogue.attributes(item)
        answer = [item] if kind == "title" else ", ".join(attributes["categories"])
        example = Example(item_discrimination.NAME, "train", answer, items=[item], aspect=kind)
        return self._lesson(number, example, "intention")

    def _about_user(self, rng: np.random.Generator, number: int, scores: np.ndarray, kind: str) -> tuple[Example, Form]:
        share = self.in_words[kind]
        form: Form = "both" if share == 1 or rng.random() < share else "intention"
        history = _history(rng, scores)
        unseen = scores.copy()
        unseen[history] = -np.inf
        shown: dict[str, Any] = {"vector_row": 0, "history": [item + 1 for item in history]}
        if kind == "first":
            return Example(next_item_retrieval.NAME, "train", [int(unseen.argmax()) + 1], **shown), form
        if kind == "rank":
            candidates = rng.choice(np.flatnonzero(np.isfinite(unseen)), _N_CANDIDATES, replace=False)
            order = candidates[np.argsort(-scores[candidates], kind="stable")]
            items = [int(item) + 1 for item in candidates]
            return Example(item_ranking.NAME, "train", [int(i) + 1 for i in order], items=items, **shown), form
        likes = bool(rng.random() < 0.5)
        pool = interest_classification.liked_and_disliked(unseen, *interest_classification.SHARES)[0 if likes else 1]
        item = int(items_at(unseen, [rng.choice(pool)])[0])
        verdict = wording.YES if likes else wording.NO
        if kind == "verdict":
            aspect = str(rng.choice([interest_classification.PLAIN, interest_classification.EXPLAIN]))
            return Example(
                interest_classification.NAME, "train", verdict, items=[item + 1], aspect=aspect, **shown
            ), form
        world = self.worlds[number]
        words = explain([world.games[seen] for seen in history], world.games[item], verdict, world.domain)
        return Example(explanation.NAME, "train", words, items=[item + 1], **shown), form

    def _lesson(
        self, number: int, example: Example, form: Form, scores: np.ndarray | None = None, start_weight: float = 1.0
    ) -> Lesson:
        writer, ends = self.writers[number], example.aspect != interest_classification.EXPLAIN
        content, answer = render(writer, example, form), answer_text(writer, example)
        return self._encoded(number, content, answer, scores, start_weight, ends)

    def _encoded(
        self,
        number: int,
        content: Content,
        answer: str,
        scores: np.ndarray | None,
        start_weight: float,
        ends: bool = True,
    ) -> Lesson:
        encoded = self.encoder.example(content, answer, ends=ends)
        first = number * self.writers[number].catalogue.n_items - 1
        rows = np.where(encoded.item_slots >= 0, encoded.item_slots + first, -1)
        scores = None if scores is None else scores.astype(np.float32)
        weights = np.where(self._begins_line(encoded.targets), start_weight, 1.0)
        return Lesson(replace(encoded, item_slots=rows), number, scores, weights)

    def _begins_line(self, targets: np.ndarray) -> np.ndarray:
        before = np.roll(targets, 1)
        return (targets != IGNORED) & ((before == IGNORED) | (before == self.line_break))


class SlotVectors:
    """What the slots contain, for the embeddings at the current step of training.

    Args:
        token_ids: (n_worlds, n_items, length) as `SlotLessons.token_ids` gives them.
        noise: Added to every slot, as a share of the slots' size: connectors fit words only about.
        top: The weight of what suits a user most, as in `warm_start.user_slots`.
        per_user: How many slots a user has.
    """

    def __init__(self, token_ids: Tensor, noise: float = 0.0, top: float = 0.0, per_user: int = 1) -> None:
        self.token_ids, self.noise, self.top, self.per_user, self.age = token_ids, noise, top, per_user, 0

    def refresh(self, table: Tensor) -> None:
        """Follow the token embeddings (vocabulary, hidden), every `_REFRESH`th time it is called."""
        if self.age % _REFRESH == 0:
            self.token_ids = self.token_ids.to(table.device)
            with torch.autocast(table.device.type, enabled=False):  # the ridge needs whole precision
                self.items = item_words(table.detach().float(), self.token_ids)
                self.ranking = ranking_map(self.items)
        self.age += 1

    def fill(self, embeddings: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Token embeddings (n_rows, length, hidden) with vectors in the slots of a batch as `collate` makes it."""
        filled = embeddings.clone()
        at_items, at_users = batch["item_slots"] >= 0, batch["user_slots"] >= 0
        filled[at_items] = self._noisy(self.items.flatten(0, 1)[batch["item_slots"][at_items]]).to(filled.dtype)
        if len(batch["scores"]):
            worlds = batch["worlds"]
            with torch.autocast(filled.device.type, enabled=False):
                known = (self.ranking[worlds], batch["scores"], self.items[worlds])
                users = user_slots(*known, self.top, self.per_user).flatten(0, 1)
            filled[at_users] = self._noisy(users[batch["user_slots"][at_users]]).to(filled.dtype)
        return filled

    def _noisy(self, vectors: Tensor) -> Tensor:
        return vectors + self.noise * self.items.std() * torch.randn_like(vectors)


def world_catalogue(world: World) -> Catalogue:
    """A world's games as a prepared catalogue; of two games with one title the later is told apart by its number."""
    titles: dict[str, int] = {}
    rows = []
    for number, game in enumerate(world.games, start=1):
        title = game.title if game.title not in titles else f"{game.title} ({number})"
        titles[title] = number
        rows.append(
            {
                "item_id": number, "raw_id": str(number), "title": title, "brand": game.studio,
                "categories": [game.platform, game.genre], "features": game.features,
                "description": game.description, "price": game.price,
            }
        )  # fmt: skip
    return Catalogue(pd.DataFrame(rows))


def random_taste(rng: np.random.Generator, world: World) -> np.ndarray:
    """How each game of a world suits a user who likes some platforms, genres and series more than others.

    Half of the tastes are simple: one or two platforms, one to three genres, and no shade between.

    Returns:
        float64 (n_items,) scores.
    """
    platforms, genres = (_preferences(rng, names) for names in (world.platforms, world.genres))
    series = sorted(world.franchises)
    followed = set(rng.choice(series, size=min(len(series), int(rng.integers(0, 4))), replace=False))
    cares = rng.uniform(0.3, 1.5, size=2)  # some look at the platform, others at the genre
    scores = [
        cares[0] * platforms[game.platform] + cares[1] * genres[game.genre] + 2.0 * (game.franchise in followed)
        for game in world.games
    ]
    return np.array(scores) + rng.normal(0, 0.3, len(scores))


def _preferences(rng: np.random.Generator, names: Sequence[str]) -> dict[str, float]:
    values = rng.normal(0, 1, len(names))
    if rng.random() < 0.5:
        n_liked = int(rng.integers(1, 2 + len(names) // 5))
        values = np.where(values >= np.sort(values)[-n_liked], 2.0, 0.0)
    return dict(zip(names, values, strict=True))


def favourites(world: World, scores: np.ndarray) -> str:
    """The platform and the genre whose games score highest on average, as an item's categories are written."""

    def best(names: list[str]) -> str:
        return max(sorted(set(names)), key=lambda name: scores[[other == name for other in names]].mean())

    return f"{best([game.platform for game in world.games])}, {best([game.genre for game in world.games])}"


def _history(rng: np.random.Generator, scores: np.ndarray) -> list[int]:
    """A few games, those that suit the user more often than others."""
    keen = np.exp(1.5 * (scores - scores.max()))
    n_items = int(rng.integers(2, 9))
    return [int(item) for item in rng.choice(len(scores), size=n_items, replace=False, p=keen / keen.sum())]
