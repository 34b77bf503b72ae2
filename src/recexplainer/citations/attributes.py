"""Which attributes an explanation names, and for which items they hold."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from recexplainer.citations.cache import cached_by_catalogue
from recexplainer.citations.phrases import PhraseIndex, Token, is_numeral, plain, plain_words
from recexplainer.citations.versions import UnknownVersions
from recexplainer.data.catalogue import Catalogue

MAX_VALUE_WORDS = 4  # a longer feature line is a sentence, not a value that a text would repeat word by word
COMMON_SHARE = 0.5  # a value that more items hold says nothing of any of them
_NOUN_SHARE = 0.95  # a category that ends with a noun and that more hold is what all of them are
_TINY_WORDS = frozenset(
    ["a", "an", "the", "of", "and", "or", "for", "to", "in", "on", "with", "by", "at", "from", "all", "more"]
    + ["yes", "no", "it", "is", "that", "they", "like"]  # with which texts and sentences begin
)  # fmt: skip
_NOUNS = frozenset(
    ["item", "product", "game", "film", "movie", "show", "book", "song", "track", "album", "recipe", "card"]
)
_SERIES = re.compile(r"\b(series|franchise|sequel|prequel|saga)s?\b", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(no|not|none|never|without|neither|nor|(is|are|was|were|does|do|did)n['’]t|rather than|instead of)\b"
    r"(?!\s+(?:only|just|merely|simply|doubt|wonder)\b)"
    r"[^.!?;,\"“”]*$",
    re.IGNORECASE,
)
TITLE_PART = re.compile(r"\s[-–—]\s|[:(\[]")
_ORDINARY_LETTERS = 4
_PARTING_SIGN = re.compile(r"[.!?;:,()\[\]—–。！？、，]")
_REACH = 40  # characters before a value in which a denial counts


@dataclass(frozen=True)
class AttributeMention:
    """A value that a text names at `text[start:end]`; `denied` if the text says that it does not hold."""

    start: int
    end: int
    attribute: int
    denied: bool


class AttributeIndex:
    """The values of a catalogue's attributes: brand, categories, short features, and the series of a title.

    A feature "Genre: RPG" has the value "RPG". Two items are of one series when their titles agree up to a
    number, a colon, a bracket or a dash ("Ember Crown", "Ember Crown II - Nova 64").

    Attributes:
        names: The values as the catalogue writes them, by attribute number.
        of_item: The attribute numbers of each item id; `of_item[0]` is empty.
        n_holders: How many items hold each attribute number.
        common: Attribute numbers that more than `COMMON_SHARE` of the items hold.
        series_of_item: The attribute number of each item's series, or None.
        noun: What all items are called, if a category says so: "gift card".
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._numbers = numbers = dict[str, int]()
        self._has_signs = False  # whether a value holds a sign that parts clauses or sentences
        self.names: list[str] = []
        self.of_item: list[frozenset[int]] = [frozenset()]
        self.n_holders: dict[int, int] = defaultdict(int)
        of_all = _of_all(catalogue)
        plain_names = (name for name in of_all if name.replace(" ", "").isalpha())
        self.noun = next((_singular(plain(name)) for name in plain_names), None)
        for item_id in range(1, catalogue.n_items + 1):
            values = [*values_of(catalogue.attributes(item_id)), *of_all]
            self._has_signs |= any(_PARTING_SIGN.search(value) for value in values)
            found = {self._number(value, numbers) for value in values}
            self.of_item.append(frozenset(found))
        self._n_values = len(self.names)  # series come behind them
        self.series_of_item = self._add_series(catalogue.titles, numbers)
        for held in self.of_item:
            for attribute in held:
                self.n_holders[attribute] += 1
        self.common = {number for number, n in self.n_holders.items() if n > COMMON_SHARE * catalogue.n_items}
        self._nouns = {numbers[_key(name)] for name in of_all}
        self._versions = UnknownVersions(self.names[: self._n_values])
        self._phrases = PhraseIndex((tuple(key.split()), number) for key, number in numbers.items() if _is_telling(key))

    def find(self, text: str, masked: Iterable[tuple[int, int]] = ()) -> list[AttributeMention]:
        """Values that a text names outside of the `masked` spans (the titles in it), the longest at each
        place.
        """
        words = list(_open_words(text, list(masked)))
        keys = [_singular(word.text) for word in words]
        found: list[AttributeMention] = []
        place = 0
        while place < len(words):
            matches = self._phrases.at(keys, place)
            if not matches:
                place += 1
                continue
            length, (attribute, *_) = next(
                (match for match in matches if self._is_written(text, words[place + match[0] - 1], match[1][0])),
                matches[0],
            )
            start, end = words[place].start, words[place + length - 1].end
            is_ordinary = _is_ordinary(text[start:end], self.names[attribute])
            if not is_ordinary and not self._is_noun_behind(text, found, start, end, attribute):
                found.append(AttributeMention(start, end, attribute, is_denied(text, start)))
            place += length
        return found

    def without_signs(self, text: str, masked: Iterable[tuple[int, int]] = ()) -> str:
        """A text of the same length in which no value parts a clause: "Kids; Family" becomes "Kids& Family".

        Args:
            text: The text.
            masked: The titles in it.
        """
        if not self._has_signs:
            return text
        for mention in self.find(text, masked):
            value = _PARTING_SIGN.sub("&", text[mention.start : mention.end])
            text = text[: mention.start] + value + text[mention.end :]
        return text

    def unknown_versions(
        self, text: str, masked: Iterable[tuple[int, int]], found: Iterable[AttributeMention]
    ) -> list[AttributeMention]:
        """Values that a text names and no item has, under the attribute number of one like it.

        Args:
            text: The text.
            masked: The titles in it.
            found: What `find` finds there.
        """
        known = [(mention.start, mention.end) for mention in found]
        return [
            AttributeMention(start, end, like, is_denied(text, start))
            for start, end, like in self._versions.find(text, [*masked, *known])
        ]

    def _is_written(self, text: str, last: Token, attribute: int) -> bool:
        """Whether a text means a value's last word: "PC game" says "PC", and neither "PC Games" nor a tag "PC game"."""
        is_small, has_capital = text[last.start : last.end].islower(), self.names[attribute].split()[-1][0].isupper()
        return not is_small or not (has_capital or _singular(last.text) in _NOUNS)

    def _is_noun_behind(self, text: str, found: list[AttributeMention], start: int, end: int, attribute: int) -> bool:
        """Whether a text only says what items are called, behind the last value found: "but … Denny's gift cards"."""
        if attribute not in self._nouns or not found or not text[start:end].islower():
            return False
        return not text[found[-1].end : start].strip()

    def number_of(self, value: str) -> int | None:
        """The attribute number of a value, however it is written; None if no item holds it."""
        return self._numbers.get(_key(value))

    def is_value(self, text: str) -> bool:
        """Whether a text is a value that some item has, however it is written; a series alone is none."""
        number = self.number_of(text)
        return number is not None and number < self._n_values

    def _number(self, value: str, numbers: dict[str, int]) -> int:
        key = _key(value)
        if key not in numbers:
            numbers[key] = len(self.names)
            self.names.append(value)
        return numbers[key]

    def _add_series(self, titles: list[str], numbers: dict[str, int]) -> list[int | None]:
        items_of: dict[str, list[int]] = defaultdict(list)
        for item_id, title in enumerate(titles):
            if item_id and (stem := series_stem(title)):
                items_of[stem].append(item_id)
        series: list[int | None] = [None] * len(titles)
        for stem, item_ids in items_of.items():
            if len(item_ids) < 2:
                continue
            key = stem if " " in stem else f"{stem} series"  # a single word is too often just a word
            for item_id in item_ids:
                series[item_id] = self._number(key, numbers)
                self.of_item[item_id] |= {self._number(key, numbers)}
        return series


def values_of(attributes: dict[str, Any]) -> Iterator[str]:
    """The values of one item's attributes that a text may name: brand, categories, short features."""
    lines = [attributes["brand"], *attributes["categories"]]
    lines += [feature.split(": ", 1)[-1] for feature in attributes["features"]]
    for value in lines:
        if 0 < len(plain(value).split()) <= MAX_VALUE_WORDS:
            yield value.strip()


def series_stem(title: str) -> str:
    """The plain words of a title before the first number, colon, bracket or dash; empty if nothing telling
    is left.

    >>> series_stem("Ember Crown II - Nova 64"), series_stem("2048"), series_stem("The One")
    ('ember crown', '', 'the one')
    """
    stem: list[str] = []
    for word in plain(TITLE_PART.split(title, maxsplit=1)[0]).split():
        if is_numeral(word) and stem:
            break
        stem.append(word)
    return " ".join(stem) if any(word not in _TINY_WORDS and not is_numeral(word) for word in stem) else ""


def attribute_names(catalogue: Catalogue) -> list[str]:
    """Every value of a catalogue's attributes, series included: strings that texts may quote and that are no
    titles.
    """
    return attribute_index(catalogue).names


@cached_by_catalogue
def attribute_index(catalogue: Catalogue) -> AttributeIndex:
    """The index of a catalogue's attributes, made once per catalogue object."""
    return AttributeIndex(catalogue)


def speaks_of_series(text: str, masked: Iterable[tuple[int, int]] = ()) -> bool:
    """Whether a text says, and does not deny, that items are of one series ("series", "sequel"), outside of
    titles.
    """
    spans = list(masked)
    places = [match.start() for match in _SERIES.finditer(text)]
    return any(not _covered(place, spans) and not is_denied(text, place) for place in places)


def is_denied(text: str, place: int) -> bool:
    """Whether a denial ("not", "none", "without" …) stands shortly before a place, in the same part of the
    sentence.
    """
    return _DENIAL.search(text[max(0, place - _REACH) : place]) is not None


def _is_ordinary(written: str, name: str) -> bool:
    """Whether a text uses a word as such, and not as the value of which it has the letters: a short one, "new" and not
    "New", or what items are called: "PlayStation 4 games" does not say "Games", a category beside "Accessories".
    """
    if not written.islower():
        return False
    return _singular(written) in _NOUNS or (len(written) <= _ORDINARY_LETTERS and not name.islower())


def _of_all(catalogue: Catalogue) -> list[str]:
    """Categories that say what all items are: of 147 gift cards, two lack the category "Gift Cards"."""
    lists = [catalogue.attributes(item)["categories"] for item in range(1, catalogue.n_items + 1)]
    n_items = Counter(name for names in lists for name in dict.fromkeys(names))  # in the order of the catalogue
    return [
        name
        for name, n in n_items.items()
        if n >= _NOUN_SHARE * len(lists) and _NOUNS.intersection(map(_singular, plain(name).split()[-1:]))
    ]


def _open_words(text: str, masked: list[tuple[int, int]]) -> Iterator[Token]:
    last_masked = False
    for word in plain_words(text):
        covered = _covered(word.start, masked)
        if covered and not last_masked:
            yield Token("\0", word.start, word.end)  # no phrase runs across a title
        elif not covered:
            yield word
        last_masked = covered


def _covered(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _key(value: str) -> str:
    return " ".join(map(_singular, plain(value).split()))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _is_telling(key: str) -> bool:
    return any(len(word) > 1 and word not in _TINY_WORDS and not word.isdigit() for word in key.split())
