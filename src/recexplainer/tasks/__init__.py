"""The alignment tasks, one module each: `make_examples` asks the recommender, `question` words it, `score`
measures answers.
"""

from types import ModuleType

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

TASKS: dict[str, ModuleType] = {
    module.NAME: module
    for module in (
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
