"""The alignment tasks, one module each, with everything about it: see `recexplainer.tasks.task.Task`.

`known` imports them all, and with them torch; their names alone are known here.
"""

import pkgutil

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, named_tasks

_NO_TASKS = ("known", "rendering", "task")
NAMES = tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NO_TASKS)


def check_tasks(settings: Settings) -> None:
    """Check that the parameters name known tasks.

    Raises:
        InputError: If one names another.
    """
    for parameter, names in named_tasks(settings).items():
        for name in names:
            if name not in NAMES:
                raise InputError(f"params: {parameter}: a task must be one of {', '.join(NAMES)}, not {name!r}")
