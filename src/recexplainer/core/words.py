"""What English wants of words, whichever room writes them."""

from __future__ import annotations

import re
import unicodedata

# Abbreviations that are spelt out and whose first letter's name begins with a vowel: an RPG, an MMO, an SNES, an Xbox,
# an X-Wing, an R&B album, an L.A. film. No English word begins with these consonants.
_SPELT_OUT = re.compile(
    r"[HLMNRX][B-DF-HJ-NP-TV-XZ](?![a-z]{2})|F[B-DF-HJ-KM-NP-QS-TV-XZ](?![a-z]{2})|S[BDFGJRVXZ](?![a-z]{2})"
    r"|[FHLMNRSX](?:[B-DF-HJ-NP-TV-XZ0-9]+(?:ES)?s?\b|-|&|\.(?=\w))|Xbox\b|(?:LEDs?|SUVs?|FAQs?|HIV|LAN)\b"
)
_EIGHT = re.compile(r"8|1[18](?!\d)")  # an 8-bit console, an 18-hole course
_SILENT_H = re.compile(r"hones|hono(?:r|u)|hour|heir", re.IGNORECASE)
_LIKE_YOU = re.compile(  # a unique one, a European one, a UK one
    r"(?:uni(?!n|m|d)|us[aeu]|eu|ubi|ut[aeio]|uk|one\b|once\b)|(?-i:U(?:[B-DF-HJ-NP-TV-XZ0-9]+s?\b|FOs?\b|SA\b|\.\w))",
    re.IGNORECASE,
)
_PLAIN_WORD = re.compile(r"(?![Uu])[A-Za-z][a-z]{2,}(?=\b|[A-Z])")  # PlayStation, too


def article(words: str) -> str:
    """The indefinite article before some words, by how they begin; other abbreviations with vowels are read as words.

    >>> [f"{article(word)} {word}" for word in ("Xbox 360", "RPG", "Xenon", "Nintendo DS", "8-bit", "Universal")]
    ['an Xbox 360', 'an RPG', 'a Xenon', 'a Nintendo DS', 'an 8-bit', 'a Universal']
    """
    words = unicodedata.normalize("NFD", words).lstrip("\"'“‘„«([{$€£¥ ")
    if _SPELT_OUT.match(words) or _EIGHT.match(words) or _SILENT_H.match(words):
        return "an"
    return "an" if words[:1].upper() in tuple("AEIOU") and not _LIKE_YOU.match(words) else "a"


def certain_article(words: str) -> str | None:
    """The article before words that begin as it is read, and before Xbox; None for abbreviations, numbers and U.

    >>> [certain_article(words) for words in ("Xbox One", "Racing", "PlayStation 4", "USB", "RPG", "iPad")]
    ['an', 'a', 'a', None, None, None]
    """
    return article(words) if _PLAIN_WORD.match(words) else None
