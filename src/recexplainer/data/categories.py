"""Categories that items can be compared by: one spelling of each, and none that is a sentence about an item."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

_RARE = 5  # a category that no more items have is rare, if these are
_RARE_SHARE = 0.01  # no more than this share of all items
_LONGEST = 5  # words of a category; a rare one that has more, and ends with a stop, is a sentence
_FAR_TOO_LONG = 8  # words of a sentence, however it ends; two of more than `_LONGEST` are sentences, too
_LETTER = r"[^\W\d_]"
_AND = re.compile(rf"(?<={_LETTER})(?: ?[&;] ?| and )(?={_LETTER})", re.IGNORECASE)  # between words, not numbers
_WORD = re.compile(rf"\b{_LETTER}+")


@dataclass
class CategoryChanges:
    """What was done to categories, for report.json.

    Attributes:
        respelled: The spelling that took the place of another, by that.
        n_items_with_sentences: Items some of whose categories became features.
        examples: The first of these categories.
    """

    respelled: dict[str, str] = field(default_factory=dict)
    n_items_with_sentences: int = 0
    examples: list[str] = field(default_factory=list)


def clean_categories(lists: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[list[str]], CategoryChanges]:
    """Categories in one spelling each; and what stands among them but says something of an item, as features do.

    Two spellings that differ in capitals and in the sign between words ("Kids & Family", "kids; family") are one
    category; the more frequent one counts. Shops append an item's features to its categories: "Xbox 360", "Games",
    "Also features extraordinary weapons and heroes.". What follows on the last category that is not rare is taken for
    features where it holds a sentence: more than five words and a stop at the end, eight words, or twice more than
    five. An item keeps its categories where none would be left.

    Args:
        lists: Each item's clean categories, from general to special.

    Returns:
        Each item's categories, the features that stood among them, and what was changed.

    >>> clean_categories([["Kids; Family"], ["Kids & Family"], ["Kids & Family"]])[0]
    [['Kids & Family'], ['Kids & Family'], ['Kids & Family']]
    """
    spelling = _spellings(lists)
    changes = CategoryChanges({name: chosen for name, chosen in spelling.items() if name != chosen})
    spelt = [list(dict.fromkeys(spelling[name] for name in names)) for names in lists]
    n_items = Counter(name for names in spelt for name in names)
    few = min(_RARE, int(_RARE_SHARE * len(lists)))
    categories, features = [], []
    for names in spelt:
        end = _end_of_categories(names, n_items, few)
        categories.append(names[:end])
        features.append(names[end:])
        if end < len(names):
            changes.n_items_with_sentences += 1
            changes.examples += names[end : end + 5 - len(changes.examples)]
    return categories, features, changes


def _end_of_categories(names: Sequence[str], n_items: Counter[str], few: int) -> int:
    end = len(names)
    while end and n_items[names[end - 1]] <= few:
        end -= 1
    return end if end and _hold_a_sentence(names[end:]) else len(names)


def _hold_a_sentence(names: Sequence[str]) -> bool:
    lengths = {name: len(_WORD.findall(name)) for name in names}
    long = [name for name in names if lengths[name] > _LONGEST]
    return len(long) > 1 or any(lengths[name] >= _FAR_TOO_LONG or name[-1] in ".!?;" for name in long)


def _spellings(lists: Sequence[Sequence[str]]) -> dict[str, str]:
    """By each spelling the most frequent of those that mean the same; of equally frequent ones the first in order."""
    n_items = Counter(name for names in lists for name in names)
    alike = defaultdict[str, list[str]](list)
    for name in sorted(n_items):
        alike[_AND.sub(" & ", name if name.isupper() else name.lower())].append(name)
    return {name: max(group, key=lambda name: n_items[name]) for group in alike.values() for name in group}
