"""Words and signs that say nothing, whatever a text speaks of: where it has to go on otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable

from recexplainer.citations.phrases import QUOTES
from recexplainer.citations.quotations import closes
from recexplainer.citations.sharing import DEEDS

_BELONGS = re.compile(r"\bbelongs?(?= *$)")
_IS_AND = re.compile(  # behind it, a title says nothing
    r"\b(?:is|was) (?:an?|the) (?:(?!\b(?:that|which|who|user)\b)[^,;:.!?])*\s(and|or|&|as well as)\s+$"
)
_NAME = re.compile(r"\b(?:for|on|by|from) (?:the )?([A-Z]\w+)")  # of a platform, a shop or a person
_KIND = re.compile(rf"\b(?:(?:is|was) an?|user (?:{DEEDS})) ([A-Z]\w+)")  # "is a Vanta card"
_DID_NOTHING = re.compile(rf",? (?:and|but|while|although|though|whereas) (?:the|this) user (?:{DEEDS})\s*[.!?]")
_FOR_WHAT_THE_USER_DID = re.compile(rf"\b(?:for|on|by|from) (?=(?:the|this) user (?:{DEEDS})\b)")


def stray_mark(text: str, start: int, end: int, ended: bool) -> int | None:
    """A quotation mark behind a word that closes nothing.

    Args:
        text: What is written.
        start: Behind the last title.
        end: Where the next one opens, or the text ends.
        ended: Whether nothing follows; otherwise the mark may be one amid a word.
    """
    marks = (place for place in range(max(start, 1), end) if text[place] in QUOTES)
    stray = next((place for place in marks if text[place - 1].isalpha() and closes(text, place)), None)
    return stray if stray is not None and (ended or stray + 1 < len(text)) else None


def untitled(text: str, start: int, opening: int) -> int | None:
    """Where words lead to a title that none can follow: "belongs", which wants "to the series of" first, "is a PC game
    and".

    Args:
        text: What is written.
        start: Behind the last title.
        opening: Where the next one opens.
    """
    if verb := _BELONGS.search(text[:opening]):
        return verb.end()
    said = _IS_AND.search(text[:opening], start)
    return said.start(1) if said else None


def leads_nowhere(text: str, start: int, ended: bool, is_known: Callable[[str], bool]) -> int | None:
    """What leads to a name that the writer has from elsewhere, "for the Quanta", to a verb, "for the user bought", or
    to nothing: ", but the user bought."

    Args:
        text: What is written.
        start: Behind the last title.
        ended: Whether nothing follows; otherwise the last word may go on.
        is_known: Whether a word stands in the catalogue.
    """
    if deed := _FOR_WHAT_THE_USER_DID.search(text, start) or _DID_NOTHING.search(text, start):
        return deed.start()
    name = _unknown(_NAME, text, start, ended, is_known)
    return name.start() if name else None


def foreign(text: str, start: int, ended: bool, is_known: Callable[[str], bool]) -> int | None:
    """A name that the writer has from elsewhere where a value stands: "is a Vanta card"; arguments as above."""
    name = _unknown(_KIND, text, start, ended, is_known)
    return name.start(1) if name else None


def _unknown(
    pattern: re.Pattern[str], text: str, start: int, ended: bool, is_known: Callable[[str], bool]
) -> re.Match[str] | None:
    names = (name for name in pattern.finditer(text, start) if ended or text[name.end() :].strip("\ufffd"))
    return next((name for name in names if not is_known(name.group(1))), None)
