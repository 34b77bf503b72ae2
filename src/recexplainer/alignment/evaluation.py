"""How well an explainer predicts its recommender, on users whose histories it was not aligned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from recexplainer.alignment.examiner import LlmExaminer
from recexplainer.core.errors import InputError
from recexplainer.core.settings import EvaluateAlignment
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.tasks.known import TASKS
from recexplainer.tasks.task import Row


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one explainer, and what it answered to every example."""

    metrics: Row
    answers: list[Row]


def evaluate(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    settings: EvaluateAlignment,
    seed: int = 0,
    user_vectors: Tensor | None = None,
    interactions: Interactions | None = None,
) -> Evaluation:
    """All alignment metrics that the explainer's mode has, on the given test examples.

    Each metric comes with its interval, `<metric>_interval`, over `settings.n_draws` draws of users by `seed`.
    The examples' `vector_row` points into `user_vectors` (n, dim). As the recommender does not rank what a user has
    had, no answer is of a user's `interactions` before the position; without these, of the shown history.

    Raises:
        InputError: If there is no example of any task that `settings.tasks` names.
    """
    asked_by_task = {name: asked for name in settings.tasks if (asked := TASKS[name].asked(examples))}
    if not asked_by_task:
        raise InputError(f"evaluate_alignment.tasks: no test examples of {', '.join(settings.tasks)}")
    examiner = LlmExaminer(explainer, writer, settings, seed, user_vectors, interactions)
    results = {name: TASKS[name].evaluate(examiner, asked) for name, asked in asked_by_task.items()}
    rows = {name: rows for name, result in results.items() if (rows := result.rows())}
    metrics = {name: results[name].metrics for name in rows}
    counts = {name: len(of_task) for name, of_task in rows.items()}
    return Evaluation({**metrics, "n_examples": counts}, [row for of_task in rows.values() for row in of_task])
