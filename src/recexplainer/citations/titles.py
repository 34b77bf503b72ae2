"""The catalogue's titles, as texts name them: exactly, in another spelling, or with a slip of the pen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from functools import cached_property

import numpy as np

from recexplainer.citations.phrases import PhraseIndex, is_numeral, plain, tokens

FUZZY_RATIO = 0.9  # docs/explanation/faithfulness.md has the figures behind this
_N_CANDIDATES = 20


class TitleIndex:
    """Finds the items that a string names, without a loop over the titles.

    Args:
        titles: Unique titles by item id; `titles[0]` is padding and never found.
        other_names: Strings that texts may quote and that are not titles (attribute values), in any spelling.
    """

    def __init__(self, titles: Sequence[str], other_names: Collection[str] = ()) -> None:
        self._titles = titles
        self.exact = PhraseIndex(
            (tuple(token.text for token in tokens(title)), item_id) for item_id, title in enumerate(titles) if item_id
        )
        self._plain = ["", *map(plain, titles[1:])]
        self._by_plain: dict[str, list[int]] = defaultdict(list)
        for item_id, spelling in enumerate(self._plain):
            if spelling:
                self._by_plain[spelling].append(item_id)
        self._other_names = {plain(name) for name in other_names} | {"yes", "no", ""}
        self._fuzzy: dict[str, list[int]] = {}

    def title(self, item_id: int) -> str:
        """An item's title."""
        return self._titles[item_id]

    def normalised(self, text: str) -> list[int]:
        """Items whose title equals the text but for case, accents, signs and spaces."""
        return self._by_plain.get(plain(text), [])

    def is_other_name(self, text: str) -> bool:
        """Whether the text is a verdict, an attribute value or without any word: a quoted string that is no
        title.
        """
        return plain(text) in self._other_names

    def fuzzy(self, text: str) -> list[int]:
        """Items whose title is nearly the text: difflib's ratio of the plain spellings is at least
        `FUZZY_RATIO`.

        Numbers must agree, since they tell sequels and platforms apart: "Iron Drift III" never stands for
        "Iron Drift II". The best ratio comes first, and only titles of that ratio are returned.
        """
        spelling = plain(text)
        if spelling not in self._fuzzy:
            self._fuzzy[spelling] = self._nearest(spelling)
        return self._fuzzy[spelling]

    def _nearest(self, spelling: str) -> list[int]:
        numerals = _numerals(spelling)
        best, found = FUZZY_RATIO, []
        for item_id in self._sharing(spelling):
            candidate = self._plain[item_id]
            if _numerals(candidate) != numerals:
                continue
            ratio = SequenceMatcher(None, spelling, candidate, autojunk=False).ratio()
            if ratio > best:
                best, found = ratio, [item_id]
            elif ratio == best:
                found.append(item_id)
        return found

    def candidates(self, text: str) -> list[int]:
        """Items whose titles may be meant by the text, likeliest first: they share the most character trigrams."""
        return self._sharing(plain(text))

    def _sharing(self, spelling: str) -> list[int]:
        lists = [self._trigrams[trigram] for trigram in _trigrams(spelling) if trigram in self._trigrams]
        if not lists:
            return []
        shared = np.bincount(np.concatenate(lists), minlength=len(self._plain))
        likeliest = np.argsort(-shared, kind="stable")[:_N_CANDIDATES]
        return [int(item_id) for item_id in likeliest if shared[item_id]]

    @cached_property
    def _trigrams(self) -> dict[str, np.ndarray]:
        items_of: dict[str, list[int]] = defaultdict(list)
        for item_id, spelling in enumerate(self._plain):
            for trigram in _trigrams(spelling):
                items_of[trigram].append(item_id)
        return {trigram: np.array(item_ids) for trigram, item_ids in items_of.items()}


def _trigrams(spelling: str) -> set[str]:
    padded = f"  {spelling} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)} if spelling else set()


def _numerals(spelling: str) -> Counter[str]:
    return Counter(word for word in spelling.split() if is_numeral(word))
