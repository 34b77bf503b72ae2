"""What every stage shares: command line, parameters, threads, the tracked run, and clear ends on bad input.

A stage module is thin::

    def run(settings: Settings, run: StageRun, mode: str) -> None:
        ...  # read through store, call one pure function, write through store, log

    main = stage_main("align", run, options=("mode",))

The command `recexplainer` finds a stage's ``main`` by the name of its module.

Where the processes of one launch share the work, all of them end with the same results, and ``run`` returns the
function that writes these, which one process alone calls.
"""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from recexplainer.core.environment import is_main_process, join_processes
from recexplainer.core.errors import InputError
from recexplainer.core.numerics import set_threads
from recexplainer.core.settings import ALIGNED_MODES, SOURCES, Settings, load_settings
from recexplainer.core.settings.command_line import PARAMETER_OPTIONS, build_command, run_command
from recexplainer.tracking.runs import StageRun, UntrackedRun, name_given_run, open_run, set_quiet_environment

set_quiet_environment()

Write = Callable[[], None]
Body = Callable[..., Write | None]
MAX_OPTION_CHARACTERS = 2000  # options become parameters and tags of the run, which hold so much


def is_watched(path: str | Path, folder: str | Path) -> bool:
    """Whether a file lies in a folder that DVC watches for a stage: elsewhere it would change unseen."""
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


def _one_of(known: tuple[str, ...]) -> Callable[[typer.CallbackParam, str], str]:
    def check(parameter: typer.CallbackParam, value: str) -> str:
        if value not in known:
            raise InputError(f"--{parameter.name} must be one of {', '.join(known)}, not {value!r}")
        return value

    return check


def _short(parameter: typer.CallbackParam, value: str) -> str:
    if len(value) > MAX_OPTION_CHARACTERS:
        raise InputError(f"--{parameter.name}: is longer than {MAX_OPTION_CHARACTERS} characters")
    return value


_USERS = "ids, raw:<id of the raw data>, train, valid, test, or all; separated by spaces or commas"
_ITEMS = "ids, raw:<id>, title:<title>, top, bottom; separated by spaces or commas"
_MODES = ", ".join(ALIGNED_MODES)
OPTIONS: dict[str, Any] = {
    "mode": Annotated[str, typer.Option(help=f"Alignment mode: {_MODES}.", callback=_one_of(ALIGNED_MODES))],
    "source": Annotated[
        str, typer.Option(help=f"Source of the explanations: {', '.join(SOURCES)}.", callback=_one_of(SOURCES))
    ],
    "users": Annotated[str, typer.Option(help=f"Users: {_USERS}.", callback=_short)],
    "items": Annotated[str, typer.Option(help=f"Items: {_ITEMS}.", callback=_short)],
}


class StageCommand:
    """A stage as a command; called with arguments it runs and returns the exit code."""

    def __init__(self, name: str, command: TyperCommand) -> None:
        self.name = name
        self.command = command

    def __call__(self, argv: list[str] | None = None) -> int:
        """Run the stage; without arguments those of the process count."""
        return run_command(self.command, argv, f"recexplainer {self.name}")


@dataclass(frozen=True)
class Extras:
    """Options of one stage alone, which may be left out and are not logged as such.

    Attributes:
        lists: By option the parameter that takes its names, which are separated by commas:
            ``{"tasks": "evaluate_alignment.tasks"}``.
        values: By option the parameter that takes its one value.
        flags: Switches by their name in the stage's ``run``, with option and help; they only change what is printed.
    """

    lists: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def options(self) -> dict[str, tuple[Any, Any]]:
        """As `build_command` takes them."""
        found: dict[str, tuple[Any, Any]] = {}
        for option, parameter in self.lists.items():
            text = Annotated[str, typer.Option(metavar="A,B", help=f"The same as -S {parameter}=[A,B].")]
            found[option] = (text, "")
        for option, parameter in self.values.items():
            found[option] = (Annotated[str, typer.Option(help=f"The same as -S {parameter}=TEXT.")], "")
        for flag, (option, meaning) in self.flags.items():
            found[flag] = (Annotated[bool, typer.Option(option, help=meaning)], False)
        return found

    def assignments(self, given: Mapping[str, Any]) -> list[str]:
        """What of ``-S`` the options of a command line stand for."""
        found = [f"{parameter}={given[option]}" for option, parameter in self.values.items() if given[option]]
        for option, parameter in self.lists.items():
            names = [name.strip() for name in given[option].split(",") if name.strip()]
            found += [f"{parameter}=[{', '.join(names)}]"] if names else []
        return found


NO_EXTRAS = Extras()


def stage_main(
    name: str,
    body: Body,
    options: Sequence[str] = (),
    sections: Sequence[str] = (),
    tracked: bool = True,
    check: Callable[[Settings], None] | None = None,
    idle: Callable[[Settings], Iterable[str]] = lambda _: (),
    extras: Extras = NO_EXTRAS,
) -> StageCommand:
    """Build a stage's command: it parses the command line, loads the parameters and runs ``body``.

    ``body`` is called as ``body(settings, run, **options)``. With ``tracked=False`` there is no run, and
    the call is ``body(settings, **options)``. What ``body`` returns is called in the main process of a launch
    alone. The parameters of the section ``name`` and of the further ``sections`` (dotted names, each of a section, a
    part of one, or one parameter) are logged, but those that the run does not read: by the rules of
    `core.settings.used`, and those that ``idle`` names. ``check`` refuses parameters before any run is opened.
    The exit code is 0, or that of `ends_clearly`.
    """
    help = (inspect.getdoc(sys.modules.get(body.__module__)) or name).splitlines()[0]
    logged = ("run.seed", "run.threads", "dataset.name", name, *sections)

    def execute(assignments: Sequence[str], params: Path, set: str, **given: Any) -> int:
        chosen = {option: given[option] for option in options}
        flagged = {flag: given[flag] for flag in extras.flags}
        settings = load_settings(params, [*assignments, *_words(set), *extras.assignments(given)])
        if check is not None:
            check(settings)
        set_threads(settings.run.threads)
        if not tracked:
            with name_given_run(name, settings, chosen, help):
                body(settings, **chosen, **flagged)
            return 0
        join_processes()
        if not is_main_process():
            body(settings, UntrackedRun(), **chosen, **flagged)
            return 0
        with open_run(name, settings, chosen, logged, about=help, idle=idle(settings)) as run:
            write = body(settings, run, **chosen, **flagged)
            if write is not None:
                write()
        return 0

    required: dict[str, tuple[Any, Any]] = {option: (OPTIONS[option], ...) for option in options}
    return StageCommand(name, build_command(name, help, required | extras.options() | PARAMETER_OPTIONS, execute))


def _words(text: str) -> list[str]:
    """The assignments of ``--set``."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"--set {text!r}: {error}") from None


__all__ = ["ALIGNED_MODES", "SOURCES", "Extras", "Settings", "StageRun", "set_threads", "stage_main"]
