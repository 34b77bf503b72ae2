"""The terms that a section uses, each with what it means: shown where they are used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

TERMS = {
    r"HR@\d+": ("HR@k", "hit rate: the share of cases in which the right item is among the first k answers."),
    r"NDCG@\d+": ("NDCG@k", "a hit counts 1 at rank 1, less further down, and 0 beyond rank k."),
    r"MRR@\d+": ("MRR@k", "the mean of 1 / rank of the right item; 0 beyond rank k."),
    r"[Pp]aper's gain": (
        "Paper's gain",
        "NDCG of five candidates with gains 1000, 100, 10, 1, 0: mostly whether the best comes first; random: 0.613.",
    ),
    r"\bHistory\b|\bHCR\b|from a user vector": (
        "HCR (History)",
        "history coverage ratio: the share of a user's items that the LLM names from the user's vector alone.",
    ),
    r"\bAUC\b": (
        "AUC",
        "the chance that a recommended item gets a higher probability than one that is not; random: 0.5.",
    ),
    r"Kendall": ("Kendall's τ", "how far two orders agree: 1 the same, 0 unrelated, −1 reversed."),
    r"\bnats\b": (
        "nats",
        "the unit of the natural logarithm: a loss of 1 nat divides a probability by 2.7, of 0.1 nats by 1.1.",
    ),
    r"\bAOPC\b": (
        "AOPC",
        "area over the perturbation curve: the mean effect of the first cited items, up to 1, 5, 10, 20, 50 % of the "
        "history.",
    ),
    r"Comprehensiveness": (
        "Comprehensiveness",
        "how much the item's probability falls when the cited items are deleted.",
    ),
    r"Sufficiency": ("Sufficiency", "how much it falls when only the cited items are kept; lower is better."),
    r"\bDEL\b|\bINS\b": ("DEL, INS", "the item's mean probability while items are deleted, or put back, in order."),
    r"closed up|move up": ("Closed up", "a deleted item leaves no gap: older items move up."),
    r"masked|keep their positions": ("Masked", "a deleted item leaves a gap: the other items keep their positions."),
    r"\bP[NS]@\d": (
        "PN@k, PS@k",
        "the share of items in the top k that leave it without the cited items; that stay in it with these alone.",
    ),
    r"\bFNS@\d": ("FNS@k", "the harmonic mean of PN@k and PS@k."),
    r"Evidence score": (
        "Evidence score",
        "what the cited items carry: 0 as much as random items, 1 as much as the most influential ones.",
    ),
    r"[Cc]ounterfactual": ("Counterfactual", "a sentence that says what would change the decision."),
    r"Brier": ("Brier score", "the mean squared distance of the stated probability from what was decided; 0 is best."),
    r"\bECE\b": ("ECE", "expected calibration error: how far stated probabilities are from the shares that come true."),
    r"κ|α, ": (
        "κ, α",
        "Cohen's and Fleiss' kappa, Krippendorff's alpha: agreement beyond chance; 1 is perfect, 0 is chance.",
    ),
    r"\bR2\b|R²": ("R²", "the share of the score's variance that the text predicts; 0: no better than the mean."),
    r"\bMSE\b": ("MSE", "the mean squared error of the score predicted from the text."),
    r"\bp [<=]|\bp\b(?= corrected)|^p$": (
        "p",
        "how often chance alone would give a difference this large; below .05 the page calls it measurable.",
    ),
    r"95\s?% interval|Whiskers": (
        "95 % interval",
        "the range of the figure in 95 % of resamplings of the users.",
    ),
    r"\bPOS@\d|\bNEG@\d": (
        "POS@k, NEG@k",
        "how long an item stays in the top k while the most, or the least, important items go first.",
    ),
    r"\bFMR\b": (
        "FMR, FCR, DIV, USR",
        "texts that name a feature of their item; features that are named at all; features that two texts share; "
        "distinct texts.",
    ),
}


def terms_of(content: Any) -> list[tuple[str, str]]:
    """Name and meaning of every term in the words of a section, or of several things.

    >>> [name for name, _ in terms_of(["a loss of 2 nats", "HR@5"])]
    ['HR@k', 'nats']
    """
    words = "\n".join(_words(content))
    return [meant for pattern, meant in TERMS.items() if re.search(pattern, words, re.MULTILINE)]


def _words(content: Any) -> Iterator[str]:
    """Every text in nested dataclasses, lists and mappings; of a mapping the values."""
    if isinstance(content, str):
        yield content
    elif is_dataclass(content):
        for field in fields(content):
            yield from _words(getattr(content, field.name))
    elif isinstance(content, Mapping):
        yield from _words(list(content.values()))
    elif isinstance(content, list | tuple):
        for part in content:
            yield from _words(part)
