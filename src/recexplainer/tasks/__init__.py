"""The alignment tasks, one module each, with everything about it: see `recexplainer.tasks.task.Task`."""

from recexplainer.core.settings import Settings
from recexplainer.core.settings.checks import require_one_of
from recexplainer.tasks import (
    explanation,
    general_dialogue,
    history_reconstruction,
    interest_classification,
    item_discrimination,
    item_ranking,
    next_item_retrieval,
    user_summary,
)
from recexplainer.tasks.task import Task

TASKS: dict[str, Task] = {
    task.NAME: task
    for task in (
        next_item_retrieval,
        item_ranking,
        interest_classification,
        item_discrimination,
        general_dialogue,
        history_reconstruction,
        user_summary,
        explanation,
    )
}

PREDICTIONS = (next_item_retrieval.NAME, item_ranking.NAME, interest_classification.NAME)
"""The tasks that scores of items answer, and that an LLM can be asked in words: those of the baselines."""


def check_tasks(settings: Settings) -> None:
    """Check that the parameters name known tasks.

    Raises:
        InputError: If `align.mixture`, `align.weights` or `evaluate_alignment.tasks` names another.
    """
    align, known = settings.align, tuple(TASKS)
    for name, by_task in (("mixture", align.mixture), ("weights", align.weights)):
        for task in by_task:
            require_one_of(task.split("/")[0], known, f"align.{name}: a task")
    for task in settings.evaluate_alignment.tasks:
        require_one_of(task, known, "evaluate_alignment.tasks: a task")
