"""Which features the texts name: of the item, of the catalogue, and how alike the texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from recexplainer.citations.attributes import AttributeIndex
from recexplainer.citations.citations import Citations


def named_features(text: str, citations: Citations, index: AttributeIndex) -> frozenset[int]:
    """The attributes that a text states outside of titles and does not deny."""
    titles = [(mention.start, mention.end) for mention in citations.mentions]
    return frozenset(mention.attribute for mention in index.find(text, titles) if not mention.denied)


def feature_figures(
    texts: Sequence[str], named: Sequence[frozenset[int]], targets: Sequence[int], index: AttributeIndex
) -> dict[str, float | None]:
    """FMR, FCR, DIV and USR of one model's texts.

    `fmr`: share of texts that name a feature of their item. `fcr`: named features of all that the catalogue knows.
    `div`: mean number of features that two texts share; lower is more varied. `usr`: distinct texts of all texts.
    Features of more than half of the items say nothing of any and are left out.

    Source: Li et al., "Personalized Transformer for Explainable Recommendation" (PETER), ACL 2021, section 5.2.
        Departure: there an explanation is given one feature that it should name; here any feature of its item counts.
    """
    n = len(texts)
    named = [found - index.common for found in named]
    n_features = len(index.names) - len(index.common)
    counts = Counter(chain.from_iterable(named))
    n_pairs = n * (n - 1) / 2
    n_shared = sum(count * (count - 1) / 2 for count in counts.values())
    matching = [bool(found & index.of_item[target]) for found, target in zip(named, targets, strict=True)]
    return {
        "fmr": sum(matching) / n if n else None,
        "fcr": len(counts) / n_features if n and n_features else None,
        "div": n_shared / n_pairs if n_pairs else None,
        "usr": len(set(texts)) / n if n else None,
    }
