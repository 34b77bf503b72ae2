"""Explanations: the explainer says whether a user will like an item, and why, from the recommender's view."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from recexplainer.citations.citations import resolve_citations
from recexplainer.core.records.explanation import Explanation, Label, ModelVersion
from recexplainer.core.settings import Explain
from recexplainer.data.examples import Example
from recexplainer.explaining.blocks import explain_blocks
from recexplainer.explaining.cases import Case
from recexplainer.llm import decoding
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting import wording
from recexplainer.prompting.chat import IGNORED, Content, Encoded
from recexplainer.prompting.prompts import Form, PromptWriter, readable, shorten
from recexplainer.prompting.requests import Request
from recexplainer.tasks.rendering import render

Words = Callable[[Example, Form], Content]  # how a question about an example is put in a form


@dataclass(frozen=True)
class Answer:
    """An explainer's verdict, its probability of Yes against No, and the whole text (which begins with the verdict)."""

    verdict: Label
    p_yes: float
    text: str


def answer(
    explainer: Explainer,
    words: Words,
    examples: Sequence[Example],
    max_prompt_tokens: int,
    max_new_tokens: int,
    batch_size: int,
    user_vectors: Tensor | None = None,
) -> tuple[list[Answer], list[Example]]:
    """Answer questions of interest; and the examples as the prompts had room to show them.

    The verdict is the more probable of Yes and No as the first token, and the explanation goes on from it, so that
    every explanation has a verdict and its probability. The examples' `vector_row` points into `user_vectors` (n, dim).
    """
    prompts, shown = _prompts(explainer, words, examples, max_prompt_tokens, max_new_tokens)
    p_yes = decoding.p_yes(explainer, prompts, max_prompt_tokens, user_vectors)
    verdicts: list[Label] = ["Yes" if p >= 0.5 else "No" for p in p_yes]
    texts = _go_on(explainer, prompts, verdicts, max_new_tokens, batch_size, user_vectors)
    return [
        Answer(verdict, round(float(probability), 6), text)
        for verdict, probability, text in zip(verdicts, p_yes, texts, strict=True)
    ], shown


def draft(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    max_prompt_tokens: int,
    max_new_tokens: int,
    batch_size: int,
    user_vectors: Tensor | None = None,
) -> list[str]:
    """Explanations of verdicts that are given: each begins with its example's answer, and the explainer goes on."""
    prompts, _ = _prompts(explainer, partial(render, writer), examples, max_prompt_tokens, max_new_tokens)
    verdicts = [str(example.answer) for example in examples]
    return _go_on(explainer, prompts, verdicts, max_new_tokens, batch_size, user_vectors)


@dataclass(frozen=True)
class ExplanationGenerator:
    """An explainer with the words of its prompts, and what its explanations record of both."""

    explainer: Explainer
    writer: PromptWriter
    request: Request
    settings: Explain
    model: ModelVersion | None  # the registered version; None for the unaligned base

    def explain(self, cases: Sequence[Case], user_vectors: Tensor | None = None) -> list[Explanation]:
        """One explanation per case, in their order; their `vector_row` points into `user_vectors` (n, dim)."""
        chosen = self.settings
        answers, shown = answer(
            self.explainer,
            self._words,
            [case.example for case in cases],
            chosen.max_prompt_tokens,
            chosen.max_new_tokens,
            chosen.batch_size,
            user_vectors,
        )
        return [self._record(*parts) for parts in zip(cases, answers, shown, strict=True)]

    def explain_in_blocks(
        self, cases: Sequence[Case], folder: Path, user_vectors: Tensor | None = None
    ) -> list[Explanation]:
        """The same, block by block; blocks that an earlier run finished are taken from the folder."""
        kept = folder / self._fingerprint(cases)
        chosen = self.settings
        return explain_blocks(cases, chosen.save_every, kept, lambda block: self.explain(block, user_vectors))

    def _words(self, example: Example, form: Form) -> Content:
        return self.request.content(self.writer, example, form)

    def _prompt(self, example: Example) -> str:
        return readable(self._words(example, self.explainer.form))

    def _record(self, case: Case, given: Answer, shown: Example) -> Explanation:
        prompt, item = self._prompt(shown), case.example.items[0]
        found = resolve_citations(given.text, case.example.history, self.writer.catalogue, item)
        return Explanation(
            explanation_id=case.explanation_id,
            source=self.explainer.mode,
            user_id=case.example.user_id,
            position=case.example.position,
            item_id=item,
            history=case.example.history,
            label=case.label,
            score=round(case.score, 6),
            rank=case.rank,
            n_ranked=case.n_ranked,
            prompt=prompt,
            prompt_sha256=hashlib.sha256(prompt.encode("utf-8")).hexdigest(),
            n_cut=len(case.example.history) - len(shown.history),
            request=self.request.as_record(),
            text=given.text,
            verdict=given.verdict,
            p_yes=given.p_yes,
            citations=found.mentions,
            cited_items=found.cited_items,
            other_items=found.in_catalogue,
            invented_titles=found.invented,
            model=self.model,
            base=self.explainer.reference,
        )

    def _fingerprint(self, cases: Sequence[Case]) -> str:
        """What decides the records, hashed: blocks of another explainer, request or list of cases never mix in."""
        chosen = self.settings
        lengths = (chosen.max_prompt_tokens, chosen.max_new_tokens, chosen.batch_size, chosen.save_every)
        frame = asdict(self.explainer.encoder.frame)
        model, request = self.model and asdict(self.model), asdict(self.request.as_record())
        known = [self.explainer.mode, model, self.explainer.reference, frame, request, lengths]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode("utf-8"))
        for case in cases:
            described = [asdict(case), self._prompt(case.example)]
            digest.update(json.dumps(described, sort_keys=True).encode("utf-8"))
        return digest.hexdigest()[:16]


def _prompts(
    explainer: Explainer, words: Words, examples: Sequence[Example], max_tokens: int, n_new: int
) -> tuple[list[Encoded], list[Example]]:
    """Prompts up to the answer, and the examples as they show them: too long a history loses its oldest items."""
    form = explainer.form
    verdict = max(len(explainer.encoder.answer_ids(word)) for word in (wording.YES, wording.NO))
    budget = explainer.prompt_budget(max_tokens, n_new + verdict)
    found = [shorten(lambda shown: explainer.encoder.prompt(words(shown, form)), e, budget) for e in examples]
    return [encoded for encoded, _ in found], [shown for _, shown in found]


def _go_on(
    explainer: Explainer,
    prompts: Sequence[Encoded],
    verdicts: Sequence[str],
    max_new_tokens: int,
    batch_size: int,
    user_vectors: Tensor | None,
) -> list[str]:
    encode = explainer.encoder.answer_ids
    begun = [_append(prompt, encode(verdict)) for prompt, verdict in zip(prompts, verdicts, strict=True)]
    rests = decoding.generate(explainer, begun, max_new_tokens, batch_size, user_vectors, strip=False)
    return [(verdict + rest).strip() for verdict, rest in zip(verdicts, rests, strict=True)]


def _append(prompt: Encoded, tokens: Sequence[int]) -> Encoded:
    n = len(tokens)
    return Encoded(
        input_ids=np.concatenate([prompt.input_ids, np.asarray(tokens, dtype=np.int32)]),
        targets=np.concatenate([prompt.targets, np.full(n, IGNORED, dtype=np.int32)]),
        user_slots=np.concatenate([prompt.user_slots, np.full(n, -1, dtype=np.int32)]),
        item_slots=np.concatenate([prompt.item_slots, np.full(n, -1, dtype=np.int32)]),
    )
