"""The alignment tasks, one module each, with everything about it: see `recexplainer.tasks.task.Task`.

`known` imports them all, and with them torch; their names alone are known here.
"""

import pkgutil

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, named_tasks
from recexplainer.prompting import wording

_NO_TASKS = ("known", "rendering", "task")
NAMES = tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NO_TASKS)


ASPECTS = {
    "evidence": tuple(wording.EVIDENCE),
    "interest_classification": ("explain",),
    "item_discrimination": (*wording.ITEM_QUESTIONS, *(f"from_{source}" for source in wording.TITLE_FROM)),
}  # by task: what a parameter may name behind its name and a slash


def check_tasks(settings: Settings) -> None:
    """Check that the parameters name known tasks, and aspects that these have.

    Raises:
        InputError: If one names another.
    """
    for parameter, names in named_tasks(settings).items():
        for name in names:
            task, slash, aspect = name.partition("/")
            if task not in NAMES or (slash and parameter == "evaluate_alignment.tasks"):
                raise InputError(f"params: {parameter}: a task must be one of {', '.join(NAMES)}, not {name!r}")
            if slash and aspect not in ASPECTS.get(task, ()):
                known = ", ".join(ASPECTS.get(task, ())) or "none"
                raise InputError(f"params: {parameter}: {name!r}: aspects of {task} are {known}")
