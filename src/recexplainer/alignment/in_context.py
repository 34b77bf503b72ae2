"""LLMs that were not aligned: before each question they see some that the recommender has answered.

Source: the rows "in-context examples" of the paper's table on the effect of alignment. Departure: the solved questions
of a task are the same before each question, about different training users, and Yes and No come in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recexplainer.alignment.evaluation import evaluate
from recexplainer.core.errors import InputError
from recexplainer.core.settings import EvaluateAlignment
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.prompts import PromptWriter, answer_text
from recexplainer.tasks.known import PREDICTIONS
from recexplainer.tasks.rendering import render

ByTask = Mapping[str, Sequence[Example]]


def choose_shown(taught: Sequence[Example], n_shown: int, rng: np.random.Generator) -> dict[str, list[Example]]:
    """Of training questions at most `n_shown` of each task, about different users; Yes and No in turn."""
    return {task: _varied(_shuffled(taught, task, rng), n_shown) for task in PREDICTIONS}


def choose_questions(
    held_out: Sequence[Example], n_questions: int | None, rng: np.random.Generator
) -> dict[str, list[Example]]:
    """Of questions about test users at most `n_questions` of each task; None: all."""
    return {task: _shuffled(held_out, task, rng)[:n_questions] for task in PREDICTIONS}


def question_text(writer: PromptWriter, example: Example) -> str:
    """A question in words alone."""
    return "".join(piece for piece in render(writer, example, "behaviour") if isinstance(piece, str))


def evaluate_in_context(
    explainer: Explainer,
    writer: PromptWriter,
    shown: ByTask,
    questions: ByTask,
    settings: EvaluateAlignment,
    seed: int = 0,
    interactions: Interactions | None = None,
) -> dict[str, Any]:
    """The alignment metrics of the base LLM with solved questions before each.

    Args:
        explainer: The base LLM.
        writer: Writes prompts.
        shown: Per task the solved questions, of training users.
        questions: Per task the questions, of test users.
        settings: Decoding. The solved questions come on top of `max_prompt_tokens`, as far as the LLM's context goes;
            what does not fit loses history, as every prompt does.
        seed: Of the draws of users for the intervals.
        interactions: The users' whole histories, as `evaluate` takes them.

    Raises:
        InputError: If a question does not fit behind the solved ones, even without history.
    """
    metrics: dict[str, Any] = {"n_examples": {}}
    n_past = 0
    try:
        for task, solved in shown.items():
            turns = [(question_text(writer, example), answer_text(writer, example)) for example in solved]
            midway = explainer.after(turns)
            n_past = midway.encoder.n_past_tokens
            longer = replace(
                settings,
                tasks=[task],
                max_prompt_tokens=settings.max_prompt_tokens + n_past,
                row_tokens=settings.row_tokens + n_past,
            )
            found = evaluate(midway, writer, questions[task], longer, seed, None, interactions).metrics
            counts = metrics["n_examples"] | found.pop("n_examples")
            metrics |= found | {"n_examples": counts}
    except InputError as error:
        raise InputError(f"with {n_past} tokens of solved questions before it, {error}; or show fewer") from error
    return metrics


def _shuffled(examples: Sequence[Example], task: str, rng: np.random.Generator) -> list[Example]:
    pool = [example for example in examples if example.task == task and not example.aspect]
    return [pool[int(place)] for place in rng.permutation(len(pool))]


def _varied(examples: Sequence[Example], n: int) -> list[Example]:
    chosen: list[Example] = []
    for example in examples:
        is_repeated = bool(chosen) and isinstance(example.answer, str) and example.answer == chosen[-1].answer
        if len(chosen) < n and not is_repeated and all(example.user_id != other.user_id for other in chosen):
            chosen.append(example)
    return chosen
