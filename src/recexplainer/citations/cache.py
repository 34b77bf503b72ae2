"""What is built once for a catalogue and used for every text about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from recexplainer.data.catalogue import Catalogue

T = TypeVar("T")
MOST = 3  # explainers of three modes, each with a catalogue of its own, answer in turn on the live page


def cached_by_catalogue(build: Callable[[Catalogue], T]) -> Callable[[Catalogue], T]:
    """Keep what `build` made for the last few catalogue objects, and give it again for these same objects."""
    kept: list[tuple[Catalogue, T]] = []  # the one used last comes last

    @wraps(build)
    def cached(catalogue: Catalogue) -> T:
        place = next((n for n, (known, _) in enumerate(kept) if known is catalogue), None)
        kept.append((catalogue, build(catalogue)) if place is None else kept.pop(place))
        del kept[:-MOST]
        return kept[-1][1]

    return cached
