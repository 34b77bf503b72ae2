"""Many phrases looked for in many texts at once: titles and attribute values, longest first, at word
boundaries.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

QUOTES = frozenset('"“”„‟«»')
# "a PC game game", "Puzzle games Puzzle games"; good English says few words twice, German and French some others.
_FINE_TWICE = r"(?:that|had|very|much|long|far|die|der|das|sie|nous|vous)\b"
_TWICE = re.compile(rf"\b(?!{_FINE_TWICE})([a-z]{{3,}}|\w+ [a-z]+) (?=\1\b)")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"[\w\u0300-\u036f]+")  # an accent may be a character of its own
_NUMERAL = re.compile(r"\d+|[ivx]+")


@dataclass(frozen=True)
class Token:
    """A word or a single sign of a text, and its place: `text[start:end]`."""

    text: str
    start: int
    end: int


def said_twice(text: str, named: Callable[[], Sequence[tuple[int, int]]], start: int = 0) -> Token | None:
    """The second of two equal words in a row, "a PC game game", that do not both stand in a name.

    Args:
        text: The text.
        named: Gives starts and ends of the titles and values in it; it is asked only where a word stands twice.
        start: From where on.
    """
    for match in _TWICE.finditer(text, start):
        end = match.end() + len(match.group(1))
        if not any(first <= match.start() and end <= last for first, last in named()):
            return Token(match.group(1), match.end(), end)
    return None


def tokens(text: str) -> list[Token]:
    """Words and signs of a text, as written; white space separates and is dropped."""
    return [Token(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def plain_words(text: str) -> list[Token]:
    """Words of a text in their plain form (see `plain`), signs dropped."""
    return [Token(plain_word(match.group()), match.start(), match.end()) for match in _WORD.finditer(text)]


def plain(text: str) -> str:
    """A text without case, accents, signs and extra spaces.

    >>> plain('  The "Étoile" du  NORD!')
    'the etoile du nord'
    """
    return " ".join(_WORD.findall(plain_word(text)))


def plain_word(word: str) -> str:
    """A word without case and accents; compatibility forms (full width, ligatures) become ordinary
    letters.
    """
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(letter for letter in decomposed if not _is_latin_accent(letter))
    return unicodedata.normalize("NFC", letters)


def is_numeral(word: str) -> bool:
    """Whether a plain word is a number, in digits or small Roman numerals: what tells sequels apart."""
    return _NUMERAL.fullmatch(word) is not None


def _is_latin_accent(letter: str) -> bool:
    return "\u0300" <= letter <= "\u036f"  # not the voicing marks of kana, which make another letter


class PhraseIndex:
    """Finds the longest phrase that starts at a place of a token sequence, whatever the number of phrases.

    A phrase is looked up as a tuple of tokens; for each first token the lengths that occur are kept, so a
    place costs a few dictionary look-ups and nothing is scanned per phrase.
    """

    def __init__(self, phrases: Iterable[tuple[tuple[str, ...], int]]) -> None:
        """Take (tokens, value) pairs; empty phrases are left out, equal phrases keep all their values."""
        self._values: dict[tuple[str, ...], list[int]] = {}
        lengths: dict[str, set[int]] = {}
        for words, value in phrases:
            if words:
                self._values.setdefault(words, []).append(value)
                lengths.setdefault(words[0], set()).add(len(words))
        self._lengths = {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()}

    def __len__(self) -> int:
        return len(self._values)

    def at(self, words: Sequence[str], place: int) -> list[tuple[int, list[int]]]:
        """(length in tokens, values) of every phrase that starts at `place`, longest first."""
        found = []
        for length in self._lengths.get(words[place], ()):
            values = self._values.get(tuple(words[place : place + length]))
            if values is not None and place + length <= len(words):  # a slice at the end may be shorter
                found.append((length, values))
        return found
