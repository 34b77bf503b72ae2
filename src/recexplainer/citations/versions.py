"""Values that no item has, and that differ from a known one in their version alone: "Astra 2" beside an "Astra X"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from recexplainer.citations.phrases import Token, is_numeral, plain, plain_words

_LENGTHS = (2, 3, 4)  # of values, in words
_NUMBERS = {"one": "1", "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}
_SHORT = 3  # letters of words such as "the", before which a number is no version


class UnknownVersions:
    """Finds such values.

    Args:
        values: The known values, by number.
    """

    def __init__(self, values: Sequence[str]) -> None:
        self._like: dict[tuple[str, ...], int] = {}  # a known value, by the words before its version
        self._known: set[tuple[str, ...]] = set()
        for number, value in enumerate(values):
            words = tuple(plain(value).split())
            self._known.add((*words[:-1], _number(words[-1])) if words else words)
            if len(words) > 1 and _is_version(words[-1]) and any(len(word) > _SHORT for word in words[:-1]):
                self._like.setdefault(words[:-1], number)

    def find(self, text: str, masked: Iterable[tuple[int, int]] = ()) -> list[tuple[int, int, int]]:
        """Start and end of each unknown version outside of the `masked` spans, and the number of a value like it."""
        if not self._like:
            return []
        spans = list(masked)
        words = [word for word in plain_words(text) if not any(start <= word.start < end for start, end in spans)]
        runs = (words[place : place + n] for place in range(len(words)) for n in _LENGTHS if place + n <= len(words))
        return [unknown for run in runs if (unknown := self._at(text, run))]

    def _at(self, text: str, words: Sequence[Token]) -> tuple[int, int, int] | None:
        like = self._like.get(tuple(word.text for word in words[:-1]))
        if like is None or (*(word.text for word in words[:-1]), _number(words[-1].text)) in self._known:
            return None
        start, end, version = words[0].start, words[-1].end, text[words[-1].start : words[-1].end]
        is_written_as_name = text[start].isupper() and (version[0].isupper() or version.isdigit()) and version != "I"
        is_one_name = all(text[a.end : b.start] == " " for a, b in zip(words, words[1:], strict=False))
        return (start, end, like) if is_written_as_name and is_one_name and _is_version(words[-1].text) else None


def _is_version(word: str) -> bool:
    return is_numeral(word) or len(word) == 1 or word == "one"


def _number(version: str) -> str:
    """One spelling of a number: "One", "I" and "1" are the same version."""
    return _NUMBERS.get(version, version)
