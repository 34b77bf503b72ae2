"""Prompts up to the answer, as far as they have room for the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from recexplainer.data.examples import Example
from recexplainer.llm import decoding
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting import wording
from recexplainer.prompting.chat import IGNORED, Content, Encoded, grouped
from recexplainer.prompting.prompts import Form, shorten

Words = Callable[[Example, Form], Content]  # how a question about an example is put in a form


@dataclass(frozen=True)
class Asked:
    """Questions of interest and the probabilities with which they were answered.

    Attributes:
        prompts: The questions.
        shown: The examples as the prompts had room to show them.
        p_yes: (n,) of Yes against No.
        max_prompt_tokens: Of a prompt.
        user_vectors: (n, dim) what the examples' `vector_row` points into.
    """

    prompts: list[Encoded]
    shown: list[Example]
    p_yes: np.ndarray
    max_prompt_tokens: int
    user_vectors: Tensor | None


def ask(
    explainer: Explainer,
    words: Words,
    examples: Sequence[Example],
    max_prompt_tokens: int,
    max_new_tokens: int,
    user_vectors: Tensor | None = None,
) -> Asked:
    """Ask an explainer whether users will like items."""
    prompts, shown = fitting_prompts(explainer, words, examples, max_prompt_tokens, max_new_tokens)
    asked = grouped(prompts, ((example.vector_row, *example.history) for example in shown))
    p_yes = decoding.p_yes(explainer, asked, max_prompt_tokens, user_vectors)
    return Asked(prompts, shown, p_yes, max_prompt_tokens, user_vectors)


def fitting_prompts(
    explainer: Explainer, words: Words, examples: Sequence[Example], max_tokens: int, n_new: int
) -> tuple[list[Encoded], list[Example]]:
    """Prompts up to the answer, and the examples as they show them: too long a history loses its oldest items."""
    form = explainer.form
    verdict = max(len(explainer.encoder.answer_ids(word)) for word in (wording.YES, wording.NO))
    budget = explainer.prompt_budget(max_tokens, n_new + verdict)
    found = [shorten(lambda shown: explainer.encoder.prompt(words(shown, form)), e, budget) for e in examples]
    return [encoded for encoded, _ in found], [shown for _, shown in found]


def appended(prompt: Encoded, tokens: Sequence[int]) -> Encoded:
    """A prompt and the tokens with which its answer begins."""
    n = len(tokens)
    return Encoded(
        input_ids=np.concatenate([prompt.input_ids, np.asarray(tokens, dtype=np.int32)]),
        targets=np.concatenate([prompt.targets, np.full(n, IGNORED, dtype=np.int32)]),
        user_slots=np.concatenate([prompt.user_slots, np.full(n, -1, dtype=np.int32)]),
        item_slots=np.concatenate([prompt.item_slots, np.full(n, -1, dtype=np.int32)]),
    )
