"""What a text says of the item in question and the history together: shared values, and what the user took."""

from __future__ import annotations

import re
from collections.abc import Sequence

TOO = re.compile(r"\s+(?:too|as well)\b")
_BETWEEN_VALUES = re.compile(r"\s*[,/&+]?\s*(?:(?:and|or)\s+)?(?:an?\s+)?")
_BEHIND_TITLE = re.compile(r"[\"”»]?(?:\s*,|\s+[-–—])?\s*\(?(?:(?:both|all)\s+)?(?:an?\s+)?")
TAKEN = re.compile(  # what leads to an item of the history: "the user played ", "the user played Horror games such as "
    r"\b(?:user|you)(?: (?!never|not)\w+)?"
    r" (?:played|watched|read|listened to|bought|cooked|chose|saw|took|tried|used|owned|had)\b[^.!?,;:\"“”„«»]*$"
)


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
