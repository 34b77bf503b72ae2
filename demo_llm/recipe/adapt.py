"""Teach the demo LLM the words of a catalogue of one's own: `make adapt-demo-llm`, after `prepare`.

A large LLM has read of real products before it is aligned. The demo LLM has not: to it their titles are strings of
letters. Here its tokenizer learns the catalogue's words, and it goes on with its lessons about this one catalogue:
copying titles, spelling the item in a slot, and telling, by two slots, how an item suits a user of invented taste. It
sees no interaction, and asks no recommender.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
import yaml
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from recexplainer import store
from recexplainer.core.errors import InputError, ends_clearly
from recexplainer.demo.dialogues import LESSONS, Turn
from recexplainer.demo.world import Game, World
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.prompting.prompts import PromptWriter
from recipe.corpus import drill
from recipe.slots import SlotLessons
from recipe.train import FOLDER, evaluate, save, teach
from recipe.vocabulary import extend_embeddings, extend_tokenizer

KINDS = {"title": 0.35, "verdict": 0.12, "rank": 0.13, "first": 0.35, "explain": 0.05}
IN_WORDS = {"verdict": 0.3, "rank": 0.3, "first": 0.0, "explain": 1.0}
WORDS = {"explain", "verdict", "rank", "copy", "filter", "closest", "member", "summary"}  # need no more than categories
DRILLS = 0.3  # of the lessons in words
N_CATEGORIES = 2  # what align.n_categories has to be
MIN_ITEMS = 20
_UNKNOWN = "other"


@ends_clearly
def main(argv: list[str] | None = None) -> int:
    """Run the adaptation of params.yaml on `data/prepared` of the project in this folder."""
    parser = argparse.ArgumentParser(prog="python -m recipe.adapt", allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the model, to be named in llm.base")
    out = parser.parse_args(argv).out
    params = yaml.safe_load((FOLDER / "params.yaml").read_text())["adapt"]
    torch.set_num_threads(params["threads"])
    set_seed(params["seed"])
    writer = PromptWriter(store.read_catalogue(), N_CATEGORIES)
    if writer.catalogue.n_items < MIN_ITEMS:
        raise InputError(f"{store.CATALOGUE}: {writer.catalogue.n_items} items; lessons need at least {MIN_ITEMS}")
    texts = [writer.item_text(item) for item in range(1, writer.catalogue.n_items + 1)]
    tokenizer, parts = extend_tokenizer(AutoTokenizer.from_pretrained(FOLDER / "model"), texts, params["n_tokens"])
    model = AutoModelForCausalLM.from_pretrained(FOLDER / "model", dtype=torch.float32)
    extend_embeddings(model, parts)
    world = world_of(writer)
    slots = SlotLessons(
        [world],
        ChatEncoder(tokenizer),
        writers=[writer],
        kinds=KINDS,
        in_words=IN_WORDS,
        taste=Tastes(world, texts),
        hides_history=True,
    )
    print(f"{len(parts)} new tokens; {sum(p.numel() for p in model.parameters()):,} parameters")
    checkpoints = out.with_name(f"{out.name}.checkpoints")
    teach(model, slots, partial(conversations, world=world), params, checkpoints)
    rng = np.random.default_rng(params["seed"] + 2)
    metrics = evaluate(
        model.to("cpu").float(), slots, [lesson for lesson, _ in lessons_in_words()], params["slot_top"], rng
    )
    save(model, tokenizer, out)
    store.remove(checkpoints)
    print(json.dumps(metrics))
    return 0


def world_of(writer: PromptWriter) -> World:
    """A catalogue as lessons about games see it: a series, by the title's beginning, and two categories.

    What the lessons in `WORDS` and in slots do not use is left empty.
    """
    games = []
    for item in range(1, writer.catalogue.n_items + 1):
        platform, genre = (*writer.categories(item), _UNKNOWN, _UNKNOWN)[:2]
        title = writer.catalogue.title(item)
        games.append(Game(title, series_of(title), 0, platform, genre, "", "", "", 0, 0.0, 1.0))
    return World(games, sorted({game.platform for game in games}), [])


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
        words = TfidfVectorizer(token_pattern=r"[^\s(),]+", min_df=2).fit_transform(texts)
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


def lessons_in_words() -> list[tuple[Callable[..., list[Turn]], float]]:
    """Those of the recipe's lessons that the catalogue has facts for, with their weights."""
    return [(lesson, weight) for lesson, weight in LESSONS if lesson.__name__.removeprefix("_lesson_") in WORDS]


def conversations(rng: np.random.Generator, world: World, n_drills: int = 0) -> Iterator[list[Turn]]:
    """An endless stream of lessons in words, some of them drills in repeating titles."""
    lessons, weights = zip(*lessons_in_words(), strict=True)
    shares = np.array(weights) / sum(weights)
    for _ in count():
        yield drill(rng, world) if rng.random() < DRILLS else lessons[rng.choice(len(lessons), p=shares)](rng, world)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)


if __name__ == "__main__":
    sys.exit(main())
