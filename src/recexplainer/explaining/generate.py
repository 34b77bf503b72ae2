"""Explanations: the explainer says whether a user will like an item, and why, from the recommender's view."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from recexplainer.citations.citations import resolve_citations
from recexplainer.core.records.evidence import Evidence, Label
from recexplainer.core.records.explanation import Defect, Explanation, Guided, ModelVersion
from recexplainer.core.settings import Explain
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.explaining.blocks import explain_blocks
from recexplainer.explaining.cases import Asking, Case
from recexplainer.explaining.defects import find_defects
from recexplainer.explaining.guidance import Guidance
from recexplainer.explaining.prompts import Words, appended, ask, fitting_prompts
from recexplainer.explaining.records import fields_of
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.guided.draft import Written
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.writing import write
from recexplainer.prompting.chat import Content, Encoded
from recexplainer.prompting.prompts import Form, PromptWriter, readable
from recexplainer.prompting.requests import Request
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks.rendering import render


@dataclass(frozen=True)
class Answer:
    """An explainer's answer to a question of interest.

    Attributes:
        verdict: What it decides.
        p_yes: Its probability of Yes against No.
        text: The whole text, which begins with the verdict.
        evidence: What carries the decision, where it guided the text.
        guided: How often the text was guided; None where it is free.
        is_cut: Whether there was no room to end the text.
    """

    verdict: Label
    p_yes: float
    text: str
    evidence: Evidence | None
    guided: Guided | None
    is_cut: bool


@dataclass(frozen=True)
class Lengths:
    """Bounds of prompts and texts, and how many texts are written at once."""

    max_prompt_tokens: int
    max_new_tokens: int
    batch_size: int


def answer(
    explainer: Explainer,
    words: Words,
    decisions: Sequence[Asking],
    lengths: Lengths,
    guidance: Guidance,
    user_vectors: Tensor | None = None,
) -> tuple[list[Answer], list[Example]]:
    """Answer questions of interest; and the examples as the prompts had room to show them.

    The verdict is the more probable of Yes and No as the first token, and the explanation continues from it, so that
    every explanation has a verdict and its probability. The evidence is that of the recommender's decision; where it
    made none, of the verdict.

    Args:
        explainer: Who answers.
        words: How it is asked.
        decisions: What it is asked about.
        lengths: Bounds.
        guidance: What the texts may say.
        user_vectors: (n, dim) what the examples' `vector_row` points into.
    """
    examples = [decision.example for decision in decisions]
    asked = ask(explainer, words, examples, lengths.max_prompt_tokens, lengths.max_new_tokens, user_vectors)
    verdicts: list[Label] = ["Yes" if p >= 0.5 else "No" for p in asked.p_yes]
    labels = [decision.label or verdict for decision, verdict in zip(decisions, verdicts, strict=True)]
    histories = [decision.history for decision in decisions]
    evidence = guidance.find(explainer, words, asked, histories, labels, lengths.batch_size)
    guides = guidance.guides(asked.shown, evidence)
    written = _go_on(explainer, asked.prompts, verdicts, guides, lengths, user_vectors)
    return [
        Answer(
            verdict=verdict,
            p_yes=round(float(probability), 6),
            text=(verdict + text.text).strip(),
            evidence=found,
            guided=None if guide is None else Guided(text.n_titles, text.n_facts),
            is_cut=text.is_cut,
        )
        for verdict, probability, text, found, guide in zip(
            verdicts, asked.p_yes, written, evidence, guides, strict=True
        )
    ], asked.shown


@dataclass(frozen=True)
class Drafted:
    """An explanation that may be taught, and why it is none."""

    text: str
    defects: list[Defect]


def draft(
    explainer: Explainer, writer: PromptWriter, decisions: Sequence[Asking], recommender: Recommender, lengths: Lengths
) -> list[Drafted]:
    """Explanations of decisions of Yes or No: each begins with the recommender's verdict, cites its evidence and names
    what holds, as texts of `explain` do by default.
    """
    examples = [decision.example for decision in decisions]
    verdicts = [verdict for decision in decisions if (verdict := decision.label)]
    bounds = lengths.max_prompt_tokens, lengths.max_new_tokens
    prompts, shown = fitting_prompts(explainer, partial(render, writer), examples, *bounds)
    guidance = Guidance(writer.catalogue, "recommender", True, recommender)
    evidence = guidance.of_recommender(shown, [decision.history for decision in decisions], verdicts)
    written = _go_on(explainer, prompts, verdicts, guidance.guides(shown, evidence), lengths, None)
    return [
        _drafted((verdict + text.text).strip(), text.is_cut, found, writer.catalogue, example)
        for verdict, text, found, example in zip(verdicts, written, evidence, shown, strict=True)
    ]


def _drafted(text: str, is_cut: bool, evidence: Evidence | None, catalogue: Catalogue, example: Example) -> Drafted:
    cited = resolve_citations(text, example.history, catalogue, example.items[0])
    return Drafted(text, find_defects(text, cited, catalogue, is_cut, _has_to_cite(evidence, example)))


def _has_to_cite(evidence: Evidence | None, example: Example) -> bool:
    """Whether another item than that in question carries the decision."""
    return evidence is not None and any(item != example.items[0] for item in evidence.items)


@dataclass(frozen=True)
class ExplanationGenerator:
    """An explainer with the words of its prompts, and what its explanations record of both."""

    explainer: Explainer
    writer: PromptWriter
    request: Request
    settings: Explain
    model: ModelVersion | None  # the registered version; None for the unaligned base
    recommender: Recommender | None = None  # who decided; None: the explainer's own

    def explain(self, cases: Sequence[Case], user_vectors: Tensor | None = None) -> list[Explanation]:
        """One explanation per case, in their order; their `vector_row` points into `user_vectors` (n, dim)."""
        answers, shown = answer(self.explainer, self._words, cases, self._lengths, self._guidance, user_vectors)
        return [self._record(*parts) for parts in zip(cases, answers, shown, strict=True)]

    @property
    def _lengths(self) -> Lengths:
        chosen = self.settings
        return Lengths(chosen.max_prompt_tokens, chosen.max_new_tokens, chosen.batch_size)

    @property
    def _guidance(self) -> Guidance:
        chosen, recommender = self.settings, self.recommender or self.explainer.recommender
        return Guidance(self.writer.catalogue, chosen.evidence, chosen.facts == "guided", recommender)

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
        has_to_cite = _has_to_cite(given.evidence, case.example)
        return Explanation(
            **fields_of(case, self.request, prompt, given.text, found),
            source=self.explainer.mode,
            n_cut=len(case.example.history) - len(shown.history),
            verdict=given.verdict,
            p_yes=given.p_yes,
            model=self.model,
            base=self.explainer.reference,
            evidence=given.evidence,
            guided=given.guided,
            defects=find_defects(given.text, found, self.writer.catalogue, given.is_cut, has_to_cite) or None,
        )

    def _fingerprint(self, cases: Sequence[Case]) -> str:
        """What decides the records, hashed: blocks of another explainer, request or list of cases never mix in."""
        chosen = self.settings
        lengths = (chosen.max_prompt_tokens, chosen.max_new_tokens, chosen.batch_size, chosen.save_every)
        frame = asdict(self.explainer.encoder.frame)
        model, request = self.model and asdict(self.model), asdict(self.request.as_record())
        guided = (chosen.evidence, chosen.facts)
        known = [self.explainer.mode, model, self.explainer.reference, frame, request, lengths, guided]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode("utf-8"))
        for case in cases:
            described = [asdict(case), self._prompt(case.example)]
            digest.update(json.dumps(described, sort_keys=True).encode("utf-8"))
        return digest.hexdigest()[:16]


def _go_on(
    explainer: Explainer,
    prompts: Sequence[Encoded],
    verdicts: Sequence[str],
    guides: Sequence[Guide | None],
    lengths: Lengths,
    user_vectors: Tensor | None,
) -> list[Written]:
    encode = explainer.encoder.answer_ids
    begun = [appended(prompt, encode(verdict)) for prompt, verdict in zip(prompts, verdicts, strict=True)]
    return write(explainer, begun, verdicts, guides, lengths.max_new_tokens, lengths.batch_size, user_vectors)
