"""Claims: what a text says of an item, and what it may say of it instead."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from recexplainer.citations.attributes import attribute_index, is_denied, values_of
from recexplainer.citations.cache import cached_by_catalogue
from recexplainer.citations.denials import denied_value
from recexplainer.citations.phrases import plain, plain_words
from recexplainer.data.catalogue import Catalogue

YEAR, PRICE, SERIES, BRAND, CATEGORY = "year", "price", "series", "brand", "category"
NOBODYS = -1  # a value that no item has: "Astra 2", where there is an Astra X
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_PRICE = re.compile(r"\$ ?(\d+(?:,\d{3})*(?:\.\d+)?)(?![\d,.]*\d)")


@dataclass(frozen=True)
class Claim:
    """A value that a text names at `text[start:end]`.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        kind: What it is a value of: a label of the catalogue's features ("genre"), `BRAND`, `CATEGORY` and its place
            among an item's categories, `SERIES`, `YEAR` or `PRICE`.
        value: In the form by which `Facts.holds` knows it.
    """

    start: int
    end: int
    kind: str
    value: int | str


class Facts:
    """Which values hold for which items of a catalogue, by kind.

    Args:
        catalogue: The items.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._index = attribute_index(catalogue)
        self._titles = catalogue.titles
        self._kinds = _kinds_of(catalogue)
        rows = [catalogue.attributes(item) for item in range(1, catalogue.n_items + 1)]
        self._prices: list[float | None] = [None, *(row["price"] for row in rows)]
        self._years = [
            set[str](),
            *(
                set(_YEAR.findall(" ".join([catalogue.title(item), *row["features"], *row["categories"]])))
                for item, row in enumerate(rows, start=1)
            ),
        ]

    @property
    def noun(self) -> str | None:
        """What all items are called, if a category says so: "gift card"."""
        return self._index.noun

    def without_signs(self, text: str, masked: Iterable[tuple[int, int]] = ()) -> str:
        """See `AttributeIndex.without_signs`."""
        return self._index.without_signs(text, masked)

    def knows(self, word: str) -> bool:
        """Whether a word stands in a title or in a value of the catalogue, in the singular or the plural."""
        return not self._words.isdisjoint(_numbers(plain(word)))

    @cached_property
    def _words(self) -> frozenset[str]:
        words = (word.text for name in [*self._titles, *self._index.names] for word in plain_words(name))
        return frozenset(form for word in set(words) for form in _numbers(word))

    def claims(self, text: str, masked: Iterable[tuple[int, int]] = ()) -> list[Claim]:
        """What a text claims outside of the `masked` spans (its titles), in order; denied values are not claims.

        A value that no item has is one where it differs from a known one in its version alone.
        """
        spans = list(masked)
        named = self._index.find(text, spans)
        found = [
            Claim(mention.start, mention.end, self.kind(mention.attribute), mention.attribute)
            for mention in named
            if not mention.denied and mention.attribute not in self._index.common
        ]
        found += [
            Claim(mention.start, mention.end, self.kind(mention.attribute), NOBODYS)
            for mention in self._index.unknown_versions(text, spans, named)
            if not mention.denied
        ]
        numbers = [*_matches(_YEAR, YEAR, text), *_matches(_PRICE, PRICE, text)]
        found += [
            claim
            for claim in numbers
            if not is_denied(text, claim.start) and not any(start <= claim.start < end for start, end in spans)
        ]
        return _apart(sorted(found, key=lambda claim: (claim.start, -claim.end)))

    def holds(self, claim: Claim, item: int) -> bool:
        """Whether a claim is true of an item, as far as the catalogue knows."""
        if claim.kind == YEAR:
            return claim.value in self._years[item]
        if claim.kind == PRICE:
            price = self._prices[item]
            return price is not None and abs(price - float(claim.value)) < 0.005
        return claim.value in self._index.of_item[item]

    def denies(self, text: str, title_end: int, item: int, ended: bool) -> bool:
        """Whether a text says behind an item's title that the item lacks a value which holds for it."""
        return denied_value(text, title_end, self._index, ended=ended) in self._index.of_item[item]

    def values(self, kind: str, items: Sequence[int]) -> list[str]:
        """The values of a kind that hold for all the items, in the catalogue's words."""
        if kind == YEAR:
            return sorted(set.intersection(*(self._years[item] for item in items)))
        if kind == PRICE:
            prices = {self._prices[item] for item in items}
            return [f"${price:.2f}" for price in prices if price is not None and len(prices) == 1]
        return self._names(kind, self._shared(items))

    def contrasting(self, kind: str, items: Sequence[int], target: int) -> list[str]:
        """The values of a kind, or of any category for a category, that all the items have and the target lacks."""
        return self._names(kind, self._shared(items) - self._index.of_item[target])

    def _shared(self, items: Sequence[int]) -> frozenset[int]:
        """The attributes that all the items have, without those of most of the catalogue."""
        return frozenset.intersection(*(self._index.of_item[item] for item in items)) - self._index.common

    def _names(self, kind: str, attributes: frozenset[int]) -> list[str]:
        """Of some attributes those of a kind, or of any category if there are none of that place among them."""
        of_kind = [number for number in sorted(attributes) if self.kind(number) == kind]
        if not of_kind and kind.startswith(CATEGORY):
            of_kind = [number for number in sorted(attributes) if self.kind(number).startswith(CATEGORY)]
        return [self._index.names[number] for number in of_kind]

    def are_alike(self, item: int, other: int) -> bool:
        """Whether two items share a value, or a series, that most of the catalogue lacks."""
        return bool(self._shared([item, other]))

    def are_of_one_field(self, kind: str, other: str) -> bool:
        """Whether two kinds of values answer the same question; all categories do."""
        return _field(kind) == _field(other)

    def are_one_series(self, items: Sequence[int]) -> bool:
        """Whether all the items belong to one series."""
        series = {self._index.series_of_item[item] for item in items}
        return len(series) == 1 and None not in series

    def kind(self, attribute: int) -> str:
        """What an attribute is a value of; see `Claim`."""
        return self._kinds.get(attribute, SERIES)

    def differing(self, item: int, other: int) -> frozenset[int]:
        """An item's attributes that another lacks, of which the catalogue knows something of the kind.

        A category of most items says nothing of the others that an item may have.
        """
        own, others = self._index.of_item[item], self._index.of_item[other]
        shelves = {number for number in self._index.common if _field(self.kind(number)) == CATEGORY}
        known = {_field(self.kind(number)) for number in others - shelves}
        return frozenset(number for number in own - others if _field(self.kind(number)) in known)


@cached_by_catalogue
def facts_of(catalogue: Catalogue) -> Facts:
    """The facts of a catalogue, made once per catalogue object."""
    return Facts(catalogue)


def _numbers(word: str) -> set[str]:
    """A word, and what it is the plural of if it is one."""
    return {word, word.removesuffix("s"), f"{word.removesuffix('ies')}y" if word.endswith("ies") else word}


def _field(kind: str) -> str:
    return CATEGORY if kind.startswith(CATEGORY) else kind


def _kinds_of(catalogue: Catalogue) -> dict[int, str]:
    """The kind of every attribute: its most frequent one; a label ("Genre: RPG") counts before a place in a list."""
    index = attribute_index(catalogue)
    seen: dict[int, Counter[tuple[int, str]]] = defaultdict(Counter)
    for item in range(1, catalogue.n_items + 1):
        for weight, kind, value in _labelled(catalogue.attributes(item)):
            number = index.number_of(value)
            if number is not None:
                seen[number][weight, kind] += 1
    return {number: max(counts, key=lambda key: (key[0], counts[key], key[1]))[1] for number, counts in seen.items()}


def _labelled(attributes: dict) -> Iterator[tuple[int, str, str]]:
    """(weight, kind, value) of one item's values."""
    empty = {"brand": "", "categories": [], "features": []}
    for feature in attributes["features"]:
        label, colon, _ = feature.partition(": ")
        for value in values_of(empty | {"features": [feature]}):
            yield (2, plain(label), value) if colon else (0, "feature", value)
    for value in values_of(empty | {"brand": attributes["brand"]}):
        yield 1, BRAND, value
    for place, name in enumerate(attributes["categories"]):
        for value in values_of(empty | {"categories": [name]}):
            yield 0, f"{CATEGORY} {place}", value


def _matches(pattern: re.Pattern[str], kind: str, text: str) -> Iterator[Claim]:
    for match in pattern.finditer(text):
        yield Claim(match.start(), match.end(), kind, match.group(match.lastindex or 0).replace(",", ""))


def _apart(claims: list[Claim]) -> list[Claim]:
    """Of claims that overlap the first, and the longest."""
    kept: list[Claim] = []
    for claim in claims:
        if not kept or claim.start >= kept[-1].end:
            kept.append(claim)
    return kept
