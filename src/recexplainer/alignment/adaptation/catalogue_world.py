"""A catalogue of one's own as the lessons of the demo LLM see it, with users of invented taste."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from recexplainer.alignment.adaptation.drills import drill
from recexplainer.demo.dialogues import LESSONS, Turn
from recexplainer.demo.domain import GAMES, Domain
from recexplainer.demo.world import Game, World
from recexplainer.prompting.prompts import PromptWriter

WORDS = {"explain", "verdict", "rank", "copy", "filter", "closest", "member", "summary"}  # need no more than categories
_OF_ALL_CATEGORIES = {"filter"}  # asks which items have one
_WORD = r"[^\s(),]+"
DRILLS = 0.3  # of the lessons in words


def world_of(writer: PromptWriter, domain: Domain = GAMES) -> World:
    """A catalogue as lessons see it: a series, by the title's beginning, and two categories, "" where unknown.

    What the lessons in `WORDS` and in slots do not use is left empty.
    """
    games = []
    for item in range(1, writer.catalogue.n_items + 1):
        platform, genre = (*writer.categories(item), "", "")[:2]
        title = writer.catalogue.title(item)
        games.append(Game(title, series_of(title), 0, platform, genre, "", "", "", 0, 0.0, 1.0))
    platforms, genres = sorted({game.platform for game in games}), sorted({game.genre for game in games})
    return World(games, platforms, [], domain, genres)


def series_of(title: str) -> str:
    """The part of a title that its sequels share, roughly: up to a number, a colon, a dash or a bracket.

    >>> series_of("Mass Effect 3 - Xbox 360"), series_of("Halo: Reach"), series_of("2 Cables")
    ('mass effect', 'halo', '2 cables')
    """
    beginning = re.split(r"[:(\[]| - | [IVX]+\b|\d", title)[0].strip().lower()
    return beginning if len(beginning) > 2 else title.lower()


class Tastes:
    """Users who like some platforms, genres, series and words of titles more than others.

    Args:
        world: The catalogue.
        texts: Of its items.
        n_directions: Of likeness between texts, that tastes for words are drawn from.
    """

    def __init__(self, world: World, texts: list[str], n_directions: int = 64) -> None:
        words = _told_by_words(texts)
        n_directions = min(n_directions, min(words.shape) - 1)
        self.likeness = _standard(TruncatedSVD(n_directions, random_state=0).fit_transform(words))
        self.groups = [
            np.unique(names, return_inverse=True)[1]
            for names in (
                [game.platform for game in world.games],
                [game.genre for game in world.games],
                [game.franchise for game in world.games],
            )
        ]

    def __call__(self, rng: np.random.Generator, world: World) -> np.ndarray:
        """float64 (n_items,) how each item suits a user drawn at random."""
        platform, genre, series = self.groups
        scores = rng.uniform(0.0, 1.5) * _standard(self.likeness @ rng.normal(size=self.likeness.shape[1]))
        scores += rng.uniform(0.0, 1.5) * rng.normal(size=platform.max() + 1)[platform]
        scores += rng.uniform(0.0, 0.7) * rng.normal(size=genre.max() + 1)[genre]
        scores += 2.0 * np.isin(series, rng.integers(series.max() + 1, size=rng.integers(0, 4)))
        return scores + rng.normal(0, 0.1, len(scores))


def lessons_in_words(world: World) -> list[tuple[Callable[..., list[Turn]], float]]:
    """Those of the recipe's lessons that the catalogue has facts for, with their weights."""
    known = WORDS if all(game.platform and game.genre for game in world.games) else WORDS - _OF_ALL_CATEGORIES
    return [(lesson, weight) for lesson, weight in LESSONS if lesson.__name__.removeprefix("_lesson_") in known]


def conversations(rng: np.random.Generator, world: World, n_drills: int = 0) -> Iterator[list[Turn]]:
    """An endless stream of lessons in words, some of them drills in repeating titles."""
    lessons, weights = zip(*lessons_in_words(world), strict=True)
    shares = np.array(weights) / sum(weights)
    for _ in count():
        yield drill(rng, world) if rng.random() < DRILLS else lessons[rng.choice(len(lessons), p=shares)](rng, world)


def _told_by_words(texts: list[str]) -> Any:
    """(n_texts, n_words) how much each word that texts share tells of a text; letters where they share one at most."""
    n_texts = Counter(word for text in texts for word in set(re.findall(_WORD, text.lower())))
    n_shared = sum(n > 1 for n in n_texts.values())  # few in languages that write no blanks
    by_words = TfidfVectorizer(token_pattern=_WORD, min_df=2)
    return (by_words if n_shared > 1 else TfidfVectorizer(analyzer="char")).fit_transform(texts)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)
