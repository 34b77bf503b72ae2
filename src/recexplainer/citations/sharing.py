"""What a text says of the item in question and the history together: shared values, contrasts, and what was taken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recexplainer.citations.attributes import is_denied

TOO = re.compile(r"\s+(?:too|as well)\b")
_BETWEEN_VALUES = re.compile(r"\s*[,/&+]?\s*(?:(?:and|or)\s+)?(?:an?\s+)?")
_BEHIND_TITLE = re.compile(r"[\"”»]?(?:\s*,|\s+[-–—])?\s*\(?(?:(?:both|all)\s+)?(?:an?\s+)?")
DEEDS = "played|watched|read|listened to|bought|cooked|chose|saw|took|tried|used|owned|had"
TAKEN = re.compile(  # what leads to an item of the history: "the user played ", "the user played Horror games such as "
    r"\b(?:user|you)(?: (?!never|not)\w+)?"
    rf" (?:{DEEDS})\b[^.!?,;:\"“”„«»]*$"
)
_USER = r"(?:th(?:e|is) user|you|they|he|she)\b"
# What sets what follows against the item in question.
BUT_THE_USER = re.compile(rf"\b(?:but|whereas|while|although|though|yet) {_USER}")
AND_THE_USER = re.compile(rf"\band {_USER}")  # says what speaks for it
TO_THE_USER = re.compile(rf"{BUT_THE_USER.pattern}|{AND_THE_USER.pattern}")
NEW_AFTER = re.compile(r"\bnew after\b")  # says that nothing which the user took is like it
_IT = re.compile(r"\s*(?:It|This)\b")
_SENTENCE_END = re.compile(r"[.!?;:](?!\d)")
# Of people, "like" is a verb: "for fans who like", "players like".
_LIKE_AS_VERB = "".join(rf"(?<!\b{word} )" for word in ("who", "they", "you", "people", "fans", "will", "would", "to"))
_LIKENS = re.compile(rf"{_LIKE_AS_VERB}(?<!ers )\b(?:like|just as|similar to)\s*[\"“”„«]?\s*$")
_TURNS_BACK = re.compile(r"\b(?:it|its|this)\b")  # to what the sentence is about


def shared_values(text: str, values: Sequence[tuple[int, int]], title_ends: Sequence[int]) -> list[int]:
    """Which values stand behind a title with a "too" or "as well", which says that the item in question has them.

    "They like Comedy too" speaks of a taste, and of no item.

    Args:
        text: What is written.
        values: Starts and ends of the values that it names, in order.
        title_ends: Where its titles end, with or without the quotation mark.

    Returns:
        Places among the values.

    >>> shared_values('Up, and "Alien", Horror and Comedy too.', [(17, 23), (28, 34)], [15])
    [0, 1]
    """
    found: list[int] = []
    for last, (_, end) in enumerate(values):
        if not TOO.match(text, end):
            continue
        first = last
        while first and _BETWEEN_VALUES.fullmatch(text, values[first - 1][1], values[first][0]):
            first -= 1
        start = values[first][0]
        title_end = max((place for place in title_ends if place <= start), default=None)
        if title_end is not None and _BEHIND_TITLE.fullmatch(text, title_end, start):
            found += range(first, last + 1)
    return found


def opposed_title(
    text: str, place: int, titles: Sequence[tuple[int, int]], turn_sign: re.Pattern[str] = BUT_THE_USER
) -> int | None:
    """The title that a sentence is about, where it sets what follows on a place against that item.

    It is the first one in the sentence; a sentence that begins with "It" or "This" is about the first one of the text.

    Args:
        text: What is written.
        place: Behind "but the user" or "but you", if it is set against a title.
        titles: Starts and ends of the titles, in order.
        turn_sign: What turns the sentence to the user; with `AND_THE_USER`, what follows is set beside the item.

    Returns:
        Its place among the titles; None where nothing is set against one.

    >>> opposed_title('Up is a Drama, but the user saw Dramas', 32, [(0, 2)])
    0
    """
    if not turn_sign.search(text, 0, place):
        return None
    hidden = _without_titles(text[:place], titles)
    turns = list(turn_sign.finditer(hidden))
    if not turns or any(pattern.search(hidden, turns[-1].end()) for pattern in (_SENTENCE_END, _TURNS_BACK)):
        return None
    turn = turns[-1].start()
    start = max((match.end() for match in _SENTENCE_END.finditer(hidden, 0, turn)), default=0)
    own = next((number for number, (begin, end) in enumerate(titles) if start <= begin and end <= turn), None)
    return 0 if own is None and titles and titles[0][1] <= start and _IT.match(hidden, start) else own


def likeness(text: str, place: int, titles: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Where a sentence says in what it takes a title to be like the item that it is about: "X is a Drama, like "Up"".

    Args:
        text: What is written.
        place: Where the title begins, or the first one of its list.
        titles: Starts and ends of the titles, in order.

    Returns:
        From where to where, up to "like", the values stand of which one has to hold for the title, too; None where the
        title is not said to be like that item: behind "the user played", say, or "and no Horror game".

    >>> likeness('Up is a Drama, like Fox', 20, [(0, 2)])
    (0, 15)
    """
    hidden = _without_titles(text[:place], [title for title in titles if title[1] <= place])
    said = _LIKENS.search(hidden)
    if said is None:
        return None
    start = max((match.end() for match in _SENTENCE_END.finditer(hidden, 0, said.start())), default=0)
    is_of_user = TO_THE_USER.search(hidden, start) or TAKEN.search(hidden[start:])
    return None if is_of_user or is_denied(hidden, said.start()) else (start, said.start())


def _without_titles(text: str, titles: Sequence[tuple[int, int]]) -> str:
    for start, end in titles:
        text = text[:start] + "_" * len(text[start:end]) + text[end:]
    return text
