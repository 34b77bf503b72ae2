"""Where sentences, clauses and lists begin in a text that names titles in quotation marks, as it is being written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.citations.phrases import QUOTES
from recexplainer.citations.sharing import TO_THE_USER

SENTENCE_END = re.compile(r"[.!?。！？]\s|\n")
_BEFORE_OPENING = frozenset("([{<-–—/:,;=*_")
_ALWAYS_OPENS = frozenset("„‟«")
_CLAUSE_SIGN = re.compile(rf"[,;:(\[—–.!?、。，]|(?<![,;:]) (?={TO_THE_USER.pattern})")
CLOSING = {'"': '"', "“": "”", "”": "”", "„": "“", "‟": "”", "«": "»", "»": "«"}  # by the mark that opens a title
_BETWEEN = r"[^\w.!?。！？\n]"
_LIST_SIGN = re.compile(rf"{_BETWEEN}*(?:\w{{1,5}}{_BETWEEN}+)?")  # between titles of a list: ", ", " and ", " sowie "


@dataclass(frozen=True)
class Named:
    """A title in a text, quotation marks included: `text[start:end]`."""

    start: int
    end: int
    item: int


def spans(titles: Sequence[Named]) -> list[tuple[int, int]]:
    """Where titles begin and end."""
    return [(title.start, title.end) for title in titles]


def last_end(titles: Sequence[Named]) -> int:
    """Where the last title ends; 0 without one."""
    return titles[-1].end if titles else 0


def opens_title(text: str, place: int) -> bool:
    """Whether a quotation mark outside of quotations begins one; amid a word it does once a letter follows."""
    before = text[place - 1] if place else " "
    return (
        text[place] in _ALWAYS_OPENS
        or before.isspace()
        or before in _BEFORE_OPENING
        or text[place + 1 : place + 2].isalnum()
    )


def first_opening(text: str, start: int) -> int | None:
    """The first quotation mark from a place on that begins a title."""
    return next(
        (place for place in range(start, len(text)) if text[place] in QUOTES and opens_title(text, place)), None
    )


def continues_list(text: str, titles: Sequence[Named], place: int) -> bool:
    """Whether a title at a place would follow another one in a list."""
    return bool(titles) and _LIST_SIGN.fullmatch(text[titles[-1].end : place]) is not None


def list_start(text: str, titles: Sequence[Named], place: int, alone: int) -> int:
    """Where the last list of titles before a place begins; the item `alone` is in no list."""
    last = [title for title in titles if title.start < place]
    start = last[-1].start if last else place
    for one, other in zip(last[-2::-1], last[:0:-1], strict=True):
        if not _LIST_SIGN.fullmatch(text[one.end : other.start]) or one.item == alone:
            break
        start = one.start
    return start


def clause_start(text: str, titles: Sequence[Named], place: int) -> int:
    """Where the words begin that lead to a place: behind a title, or at a sign that parts a sentence."""
    end = max((title.end for title in titles if title.end <= place), default=0)
    signs = [match.start() for match in _CLAUSE_SIGN.finditer(text, end, place)]
    if signs and text[signs[-1]] in ".!?。！？":
        return signs[-1] + 1
    return signs[-1] if signs and not continues_list(text, titles, place) else end


def sentence_start(text: str, titles: Sequence[Named], place: int) -> int:
    """Where the sentence around a place begins; signs in titles end none."""
    ends = [match.end() for match in SENTENCE_END.finditer(text, 0, place)]
    return max((end for end in ends if not any(title.start < end <= title.end for title in titles)), default=0)


def closing_sign(text: str, titles: Sequence[Named], place: int) -> str | None:
    """The sign with which a sentence can end at a place; "" where it has ended already, None if it cannot, as behind a
    title alone.
    """
    start = sentence_start(text, titles, place)
    sentence = text[start:place].strip()
    if not sentence or sentence[-1] in ".!?。！？":
        return "" if titles else None
    subjects = [title for title in titles if title.start >= start]
    is_bare = len(subjects) == 1 and sentence == text[subjects[0].start : subjects[0].end]
    return None if is_bare else "。" if "。" in text else "."
