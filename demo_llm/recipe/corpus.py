"""The text that the demo LLM is taught on: conversations about worlds that share no name with the demo's catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np

from recexplainer.alignment.adaptation.drills import drill
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
