"""How an item of a history is related to the item that is decided on."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Literal, get_args

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from recexplainer.citations.attributes import attribute_index
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.co_occurrence import taken_items

Relation = Literal["series", "brand", "category", "text", "co_taken", "unrelated"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
_TARGETS_KEPT = 2**14  # of which the near items are kept


class Relations:
    """The relations between the items of a catalogue.

    `series`, `brand` and `category` are what the catalogue says; a category (or short feature) of more than half of the
    items counts for nothing. `text`: one of the `n_near` items whose title, attributes and description are most like
    the other's. `co_taken`: one of the `n_near` items that were most often taken by the users who took the other.
    An item that has none of these relations is `unrelated`.
    """

    def __init__(self, catalogue: Catalogue, train: Interactions, n_near: int) -> None:
        self._index = attribute_index(catalogue)
        frame = catalogue.frame
        self._brands: list[str] = ["", *frame["brand"]]
        brand_numbers = [self._index.number_of(brand) if brand else None for brand in self._brands]
        self.values_of = [
            held - self._index.common - {self._index.series_of_item[item], brand_numbers[item]}
            for item, held in enumerate(self._index.of_item)
        ]
        self._texts = [
            " ".join([title, brand, *categories, *features, description])
            for title, brand, categories, features, description in zip(
                frame["title"], frame["brand"], frame["categories"], frame["features"], frame["description"],
                strict=True,
            )
        ]  # fmt: skip
        self._train = train
        self._n_near = n_near
        self._near_texts = lru_cache(_TARGETS_KEPT)(self._read_near)
        self._near_taken = lru_cache(_TARGETS_KEPT)(self._taken_near)

    def between(self, item: int, target: int) -> set[Relation]:
        """The relations of an item to the one that is decided on; never empty."""
        found: set[Relation] = set()
        series = self._index.series_of_item
        if series[item] is not None and series[item] == series[target]:
            found.add("series")
        if self._brands[item] and self._brands[item] == self._brands[target]:
            found.add("brand")
        if self.values_of[item] & self.values_of[target]:
            found.add("category")
        if item in self._near_texts(target):
            found.add("text")
        if item in self._near_taken(target):
            found.add("co_taken")
        return found or {"unrelated"}

    def names_of(self, item: int) -> set[str]:
        """What the catalogue says of an item and of no more than half of the others: categories, brand, series."""
        return {self._index.names[number] for number in self._index.of_item[item] - self._index.common}

    @cached_property
    def _words(self) -> sparse.csr_matrix:
        """(n_items + 1, n_words) TF-IDF of the texts."""
        try:
            words = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"\w+").fit_transform(self._texts)
        except ValueError:  # no word occurs in two texts
            words = sparse.csr_matrix((len(self._texts), 1))
        return sparse.vstack([sparse.csr_matrix((1, words.shape[1])), words]).tocsr()

    @cached_property
    def _by_word(self) -> sparse.csr_matrix:
        return self._words.T.tocsr()

    @cached_property
    def _by_user(self) -> sparse.csr_matrix:
        return taken_items(self._train)

    @cached_property
    def _takers(self) -> sparse.csr_matrix:
        return self._by_user.T.tocsr()

    @cached_property
    def _rarity(self) -> np.ndarray:
        """(n_items + 1,) one by the root of how many users took each item."""
        return np.maximum(np.diff(self._takers.indptr), 1).astype(np.float32) ** -0.5

    def _read_near(self, target: int) -> frozenset[int]:
        alike = self._words[target] @ self._by_word
        return _nearest(alike.indices, alike.data, target, self._n_near)

    def _taken_near(self, target: int) -> frozenset[int]:
        """By how many users took both, relative to items as popular: the cosine of the two sets of users."""
        together = self._takers[target] @ self._by_user
        cosines = self._rarity[target] * together.data * self._rarity[together.indices]
        return _nearest(together.indices, cosines, target, self._n_near)


def _nearest(items: np.ndarray, values: np.ndarray, target: int, n: int) -> frozenset[int]:
    """The n other items with the highest values above zero; of equal ones the lower ids."""
    counted = (items != target) & (items != PADDING_ID) & (values > 0)
    items, values = items[counted], values[counted]
    if len(values) > n:
        inside = values >= np.partition(values, -n)[-n]
        items, values = items[inside], values[inside]
    return frozenset(items[np.lexsort((items, -values))[:n]].tolist())
