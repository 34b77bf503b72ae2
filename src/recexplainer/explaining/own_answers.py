"""The explainer's own answers to the question which items of the history carry a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from recexplainer.core.records.evidence import Evidence, Label
from recexplainer.data.examples import Example
from recexplainer.evidence.evidence import MAX_ITEMS
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.naming import name_shown_items
from recexplainer.prompting import wording
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.tasks import evidence
from recexplainer.tasks.rendering import fit_prompt


def ask_for_evidence(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    labels: Sequence[Label],
    max_prompt_tokens: int,
    batch_size: int,
    user_vectors: Tensor | None = None,
) -> list[Evidence]:
    """What an explainer answers to the task `evidence`: items of the shown history alone, without strengths.

    An explainer that was not taught the task guesses.

    Args:
        explainer: Who answers.
        writer: Writes prompts.
        examples: The decisions, with the history as their explanations' prompts show it.
        labels: What was decided.
        max_prompt_tokens: Of a prompt.
        batch_size: Prompts decoded at once.
        user_vectors: (n, dim) what the examples' `vector_row` points into.
    """
    asked = [replace(e, task=evidence.NAME, aspect=label) for e, label in zip(examples, labels, strict=True)]
    budget = explainer.prompt_budget(max_prompt_tokens, _longest_answer(explainer, writer, asked))
    prompts = [fit_prompt(explainer.encoder, writer, e, explainer.form, budget) for e in asked]
    histories = [example.history for example in examples]
    given = (histories, wording.NO_EVIDENCE, MAX_ITEMS, batch_size, user_vectors)
    named = name_shown_items(explainer, writer.catalogue, prompts, *given)
    return [Evidence(items, [], "shift", "own") for items in named]


def _longest_answer(explainer: Explainer, writer: PromptWriter, asked: Sequence[Example]) -> int:
    titles = {writer.catalogue.titles[item] for example in asked for item in example.history}
    lengths = [len(explainer.encoder.answer_ids(title + "\n")) for title in titles]
    return max([MAX_ITEMS * max(lengths, default=0), len(explainer.encoder.answer_ids(wording.NO_EVIDENCE)) + 1])
