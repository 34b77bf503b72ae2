"""What English wants of words, whichever room writes them."""

from __future__ import annotations

import re

# Letters that are spelt out in abbreviations without a vowel, and whose names begin with one: an RPG, an SNES, an Xbox,
# an X-Wing.
_SPELT_OUT = re.compile(r"[FHLMNRSX](?:[B-DF-HJ-NP-TV-XZ0-9]+(?:ES)?\b|box\b|-)")
_EIGHT = re.compile(r"8|1[18](?!\d)")  # an 8-bit console, an 18-hole course
_LIKE_YOU = re.compile(r"(?:uni(?!n|m)|us[aeu]|eu|ubi|one\b|once\b)", re.IGNORECASE)  # a unique one, a European one


def article(words: str) -> str:
    """The indefinite article before some words, by how they begin; abbreviations with vowels are read as words.

    >>> [f"{article(word)} {word}" for word in ("Xbox 360", "RPG", "Xenon", "Nintendo DS", "8-bit", "Universal")]
    ['an Xbox 360', 'an RPG', 'a Xenon', 'a Nintendo DS', 'an 8-bit', 'a Universal']
    """
    if _SPELT_OUT.match(words) or _EIGHT.match(words):
        return "an"
    return "an" if words[:1].upper() in tuple("AEIOU") and not _LIKE_YOU.match(words) else "a"
