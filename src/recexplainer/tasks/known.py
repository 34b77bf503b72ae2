"""All alignment tasks by name."""

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
