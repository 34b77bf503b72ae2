"""The explainer's own evidence: how its probability of Yes changes when an item is deleted from its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from recexplainer.core.records.evidence import Evidence, Label
from recexplainer.evidence.evidence import MAX_ITEMS, THRESHOLD
from recexplainer.explaining.prompts import Asked, Words
from recexplainer.llm import decoding
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.chat import grouped
from recexplainer.recommenders.base import Recommender

_HISTORIES_AT_ONCE = 256  # bounds the memory of their vectors, not the result
_EPSILON = 1e-7  # the smallest distance of a single-precision probability from 0 or 1


def find_own_evidence(
    explainer: Explainer,
    words: Words,
    asked: Asked,
    histories: Sequence[Sequence[int]],
    labels: Sequence[Label],
    recommender: Recommender,
) -> list[Evidence]:
    """What carries the explainer's own answers: items whose deletion moves its log-odds most against the decision.

    Strengths are in nats of log-odds, and an item below the threshold of `find_evidence` carries nothing.

    Args:
        explainer: Who answered.
        words: How it was asked.
        asked: What it was asked, and its probabilities.
        histories: All that the recommender decided on, of which the examples show the newest part.
        labels: The decisions.
        recommender: Computes the user's vector without an item, where prompts hold one. This asks the recommender.
    """
    deletions = [(n, item) for n, shown in enumerate(asked.shown) for item in dict.fromkeys(reversed(shown.history))]
    if not deletions:
        return [Evidence([], [], "shift", "self") for _ in labels]
    vectors, examples = asked.user_vectors, []
    for row, (n, item) in enumerate(deletions):
        shown = asked.shown[n]
        left = [other for other in shown.history if other != item]
        vector_row = shown.vector_row if explainer.form == "behaviour" else row
        examples.append(replace(shown, history=left, vector_row=vector_row))
    if explainer.form != "behaviour":
        rests = [[other for other in histories[n] if other != item] for n, item in deletions]
        vectors = torch.cat(
            [
                recommender.user_vectors(rests[start : start + _HISTORIES_AT_ONCE])
                for start in range(0, len(rests), _HISTORIES_AT_ONCE)
            ]
        )
    written = [explainer.encoder.prompt(words(example, explainer.form)) for example in examples]
    prompts = grouped(written, (n for n, _ in deletions))
    p_yes = decoding.p_yes(explainer, prompts, asked.max_prompt_tokens, vectors)
    lost: list[list[tuple[float, int]]] = [[] for _ in labels]
    whole = _log_odds(asked.p_yes)
    for (n, item), odds in zip(deletions, _log_odds(p_yes), strict=True):
        sign = 1 if labels[n] == "Yes" else -1
        lost[n].append((float(sign * (whole[n] - odds)), item))
    return [_evidence(of_one) for of_one in lost]


def _evidence(lost: list[tuple[float, int]]) -> Evidence:
    carrying = [pair for pair in sorted(lost, key=lambda pair: -pair[0]) if pair[0] >= THRESHOLD][:MAX_ITEMS]
    return Evidence([item for _, item in carrying], [round(loss, 6) for loss, _ in carrying], "shift", "self")


def _log_odds(p: np.ndarray) -> np.ndarray:
    bounded = np.clip(p.astype(float), _EPSILON, 1 - _EPSILON)
    return np.log(bounded) - np.log1p(-bounded)
