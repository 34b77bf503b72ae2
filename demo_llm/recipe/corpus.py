"""The text that the demo LLM is taught on: conversations about worlds that share no name with the demo's catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np

from recexplainer.demo.dialogues import Turn, make_conversation
from recexplainer.demo.synthetic import demo_world, reserved_names
from recexplainer.demo.world import World, make_world


def lesson_worlds(
    rng: np.random.Generator, n_worlds: int, n_items: int, demo_seed: int, demo_items: int
) -> list[World]:
    """Invented worlds of which none uses a franchise, platform or studio of the demo."""
    reserved = reserved_names(demo_world(demo_seed, demo_items))
    return [make_world(rng, n_items, reserved=reserved) for _ in range(n_worlds)]


def conversations(rng: np.random.Generator, worlds: list[World], n_drills: int = 0) -> Iterator[list[Turn]]:
    """An endless stream of conversations, each about a world drawn at random.

    It begins with drills in repeating words that nothing can predict, which fade out over the first `n_drills`
    conversations to a tenth: attention learns to copy many times sooner from them than from whole lessons.
    """
    for number in count():
        world = worlds[int(rng.integers(len(worlds)))]
        share = max(0.1, 0.9 * (1 - number / n_drills)) if n_drills else 0.0
        yield drill(rng, world) if rng.random() < share else make_conversation(rng, world)


def drill(rng: np.random.Generator, world: World) -> list[Turn]:
    """Words or titles in random order to be repeated, or the one that follows another to be named."""
    if rng.random() < 0.5:
        words = [str(word) for word in rng.permutation([w for g in world.games for w in g.franchise.split()])]
        shown, separator = list(dict.fromkeys(words))[: int(rng.integers(3, 13))], " "
    else:
        titles = [game.title for game in world.games]
        shown, separator = [str(title) for title in rng.permutation(titles)[: int(rng.integers(2, 6))]], "\n"
    listed = separator.join(shown)
    if rng.random() < 0.7:
        return [(f"Repeat:\n{listed}", listed)]
    place = int(rng.integers(len(shown) - 1))
    return [(f'{listed}\nWhat follows "{shown[place]}"?', f'"{shown[place + 1]}"')]
