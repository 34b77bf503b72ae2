"""What a guide changes in a text that is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from recexplainer.citations.facts import Claim
from recexplainer.citations.phrases import plain
from recexplainer.core.words import article

Kind = Literal["title", "fact", "article"]


@dataclass(frozen=True)
class Change:
    """What a text contains from `start` on, instead of what was written there.

    Attributes:
        start: The first letter that is rewritten.
        kind: What was about to be said.
        options: What the writer may mean.
        results: What is written for each option; None: nothing, and the text continues differently from `back` on.
        closing: The quotation mark behind the result; "" for none.
        items: The item that each result names; none where they name none.
        back: Where the clause begins that leads nowhere.
        stop: The sign with which the sentence can end there; "" where it is at its end already, None if it cannot.
    """

    start: int
    kind: Kind
    options: tuple[str, ...]
    results: tuple[str | None, ...]
    closing: str = ""
    items: tuple[int | None, ...] = ()
    back: int = 0
    stop: str | None = None


def otherwise(place: int) -> Change:
    """What follows on a place is written otherwise: behind a list, say, that has named all values that hold."""
    return Change(place, "fact", ("",), (None,), back=place)


def unnamed(values: Sequence[str], text: str, listed: Sequence[Claim]) -> list[str]:
    """The values that a list does not name yet."""
    named = [plain(text[claim.start : claim.end]) for claim in listed]
    return [value for value in values if plain(value) not in named]


def with_article(written: str, value: str) -> str:
    """A value with the article that it wants, in the place of the one that was written before another value."""
    fitting = article(value)
    return f"{fitting.capitalize() if written[0].isupper() else fitting} {value}"
