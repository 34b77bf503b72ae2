"""Quoted strings of a text, even if quotation marks are nested or never closed."""

from __future__ import annotations

from dataclasses import dataclass, field

from recexplainer.citations.phrases import QUOTES

_BEFORE_OPENING = frozenset("([{<-–—/:,;=*_")


@dataclass
class Quotation:
    """A quoted string: `text[start:end]` without its quotation marks, and the quotations inside it."""

    start: int
    end: int
    inside: list[Quotation] = field(default_factory=list)


def opens(text: str, place: int) -> bool:
    """Whether the quotation mark at `place` can open a quotation: nothing or a space before it, a letter
    after it.
    """
    before = text[place - 1] if place else " "
    after = text[place + 1] if place + 1 < len(text) else " "
    if text[place] == "»" and not after.isalnum():  # « Fox », in French
        return False
    return (before.isspace() or before in _BEFORE_OPENING) and not after.isspace()


def closes(text: str, place: int) -> bool:
    """Whether the quotation mark at `place` can close a quotation: a letter before it, none after it."""
    before = text[place - 1] if place else " "
    after = text[place + 1] if place + 1 < len(text) else " "
    return not before.isspace() and not after.isalnum()


def quotations(text: str, taken: list[tuple[int, int]]) -> list[Quotation]:
    """The outermost quotations of a text, in order; marks inside the `taken` spans (start, end) are not
    looked at.

    A mark that never finds its partner (a cut text, an inch sign) makes no quotation.

    >>> [text[q.start:q.end] for text in ['Like "Dirt 3" and "Ink'] for q in quotations(text, [])]
    ['Dirt 3']
    """
    open_marks: list[int] = []
    found: list[Quotation] = []
    for place in _marks(text, taken):
        opening, closing = opens(text, place), closes(text, place)
        if opening == closing:  # the surroundings do not tell: the sign does, or they come in turns
            opening = text[place] == "«" or (text[place] != "»" and not open_marks)
        if opening:
            open_marks.append(place)
        elif open_marks:
            start = open_marks.pop() + 1
            inside = [quotation for quotation in found if quotation.start > start]
            found = [quotation for quotation in found if quotation.start <= start]
            found.append(Quotation(start, place, inside))
    return found


def _marks(text: str, taken: list[tuple[int, int]]) -> list[int]:
    covered = {place for start, end in taken for place in range(start, end)}
    return [place for place, sign in enumerate(text) if sign in QUOTES and place not in covered]
