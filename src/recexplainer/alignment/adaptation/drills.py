"""Drills in repeating what nothing can predict: copying is learnt many times sooner from them than from lessons."""

from __future__ import annotations

import numpy as np

from recexplainer.demo.dialogues import Turn
from recexplainer.demo.world import World


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
