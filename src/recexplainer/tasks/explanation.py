"""Explanations drafted by the base LLM: the verdict is the recommender's, the words behind it are the LLM's own.

Source: none in the paper, which counts on general dialogues (task 5) to keep a large LLM's language. A small one
forgets to write about the prompt while it learns what vectors mean; here it is reminded by its own drafts, as in
learning without forgetting (Li and Hoiem, 2016). They are guided by the recommender's evidence and by the facts, as
`explain` guides its texts by default: what is taught is what will be written.
    No draft is made about users of evaluation, so its score knows no reference: it asks what can be checked at once.
    What an explanation is worth is the judge's to say, and the faithfulness metrics'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import interest_classification, task
from recexplainer.tasks.task import Examiner, Measured, Teacher

NAME = "explanation"
ABOUT_USERS = False
MAX_NEW_TOKENS = 80


def make_examples(teacher: Teacher) -> list[Example]:
    """None: the base LLM drafts them, in a stage of its own."""
    return []


def from_draft(example: Example, text: str) -> Example:
    """The question that a draft answers, with the draft as the answer."""
    return replace(example, task=NAME, aspect="", answer=text)


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """The mode's own form, in which explanations are asked for."""
    return {form: 1.0 for form in task.form_shares(mode, both_forms) if form == mode}


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The question of interest in the explanation's words."""
    return interest_classification.question(writer, replace(example, aspect=interest_classification.EXPLAIN), form)


def score(examples: list[Example], texts: list[str], titles: Sequence[str]) -> dict[str, float]:
    """The share of explanations that begin with the recommender's verdict, and that cite the history by a title.

    Args:
        examples: Questions of interest, with the verdict as the answer.
        texts: The explanations.
        titles: Of all items, by id.

    >>> asked = [Example(NAME, "test", "Yes", history=[1]), Example(NAME, "test", "No", history=[2])]
    >>> score(asked, ["Yes. It is like Fox.", "Yes. Why not?"], ["", "Fox", "Rust"])
    {'verdict_accuracy': 0.5, 'cites_history': 0.5}
    """
    right = [text.startswith(str(example.answer)) for example, text in zip(examples, texts, strict=True)]
    cites = [
        any(titles[item] in text for item in example.history) for example, text in zip(examples, texts, strict=True)
    ]
    return {
        "verdict_accuracy": round(float(np.mean(right)), 4),
        "cites_history": round(float(np.mean(cites)), 4),
    }


def asked(examples: Sequence[Example]) -> list[Example]:
    """Questions of interest in the explanation's words."""
    of_interest = task.of_task(interest_classification.NAME, examples)
    return [replace(e, task=NAME, aspect="") for e in of_interest if e.aspect == interest_classification.EXPLAIN]


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """Whole answers."""
    texts = examiner.generate(examples, MAX_NEW_TOKENS)
    score_texts = partial(score, titles=examiner.catalogue.titles)
    return Measured(examiner.scored(score_texts, examples, texts), examples, texts)
