"""What a discriminator may read of an explanation: the whole text, or only what a control leaves of it.

The paper's two measures can be won without reading the explanation: the length alone may tell the sources
apart, and the Yes/No verdict alone carries much of the score, because explained items come from the two ends
of the ranking. Each control shows how far one gets with that alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

VERDICT_WORDS = re.compile(r"\b(?:yes|no)\b[.,:;!]?\s*", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.!?]+(?:\s|$)")
VERDICTS = ("Yes", "No")


def mask_verdict(text: str) -> str:
    """Remove the words Yes and No everywhere, so that only the reasons are left.

    A title that holds one of the two words loses it too: a control may hide too much, never too little.

    >>> mask_verdict('Yes. The user likes "Ember II".')
    'The user likes "Ember II".'
    >>> mask_verdict("No, because there are no racing games.")
    'because there are racing games.'
    """
    return VERDICT_WORDS.sub("", text)


def has_words(texts: Iterable[str]) -> bool:
    """Whether any text holds a word."""
    return any(_WORD.search(text) for text in texts)


def length_features(texts: Sequence[str]) -> np.ndarray:
    """Length of each text in characters, words and sentences, as logarithms of one plus the count.

    Returns:
        float64 ``(n_texts, 3)``.
    """
    counts = [(len(text), len(_WORD.findall(text)), len(_SENTENCE_END.findall(text))) for text in texts]
    return np.log1p(np.asarray(counts, dtype=np.float64).reshape(-1, 3))


def verdict_features(verdicts: Sequence[str | None]) -> np.ndarray:
    """One column for Yes, one for No; both are 0 where the text gave no verdict.

    >>> verdict_features(["No", None]).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    columns = [[float(verdict == known) for known in VERDICTS] for verdict in verdicts]
    return np.asarray(columns, dtype=np.float64).reshape(-1, len(VERDICTS))
