"""The alignment tasks, one module each, with everything about it: see `recexplainer.tasks.task.Task`."""

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, named_tasks
from recexplainer.tasks import (
    evidence,
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
        evidence,
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
        InputError: If one names another.
    """
    for parameter, names in named_tasks(settings).items():
        for name in names:
            if name not in TASKS:
                raise InputError(f"params: {parameter}: a task must be one of {', '.join(TASKS)}, not {name!r}")
