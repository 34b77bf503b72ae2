"""What is built once for a catalogue and used for every text about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from recexplainer.data.catalogue import Catalogue

T = TypeVar("T")


def cached_by_catalogue(build: Callable[[Catalogue], T]) -> Callable[[Catalogue], T]:
    """Keep what `build` made for the last catalogue object, and give it again for that same object."""
    last: list[tuple[Catalogue, T]] = []

    @wraps(build)
    def cached(catalogue: Catalogue) -> T:
        if not last or last[0][0] is not catalogue:
            last[:] = [(catalogue, build(catalogue))]
        return last[0][1]

    return cached
