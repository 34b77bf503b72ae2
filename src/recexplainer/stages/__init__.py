"""What every stage shares: command line, parameters, threads, the tracked run, and clear ends on bad input.

A stage module is thin::

    def run(settings: Settings, run: StageRun, mode: str) -> None:
        ...  # read through store, call one pure function, write through store, log

    main = stage_main("align", run, options=("mode",))
    if __name__ == "__main__":
        sys.exit(main())

Where the processes of one launch share the work, all of them end with the same results, and ``run`` returns the
function that writes these, which one process alone calls.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from recexplainer.environment import is_main_process, join_processes
from recexplainer.errors import InputError, ends_clearly
from recexplainer.numerics import set_threads
from recexplainer.settings import ALIGNED_MODES, SOURCES, Settings, load_settings
from recexplainer.settings.command_line import add_parameters
from recexplainer.tracking import StageRun, UntrackedRun, open_run, set_quiet_environment

set_quiet_environment()

Write = Callable[[], None]
Body = Callable[..., Write | None]
MAX_OPTION_CHARACTERS = 2000  # options become parameters and tags of the run, which hold so much


class Main(Protocol):
    """A stage's command line: arguments in, exit code out."""

    def __call__(self, argv: list[str] | None = None) -> int:
        """Run the stage; without arguments those of the process count."""


OPTIONS: dict[str, dict[str, Any]] = {
    "mode": {"help": f"alignment mode: {', '.join(SOURCES)}"},
    "source": {"help": f"who explains: {', '.join(SOURCES)}"},
    "users": {"help": "ids, raw:<id of the raw data>, train, valid, test, or all; separated by blanks or commas"},
    "items": {"help": "ids, raw:<id>, title:<title>, top, bottom; separated by blanks or commas"},
}


def stage_main(
    name: str,
    body: Body,
    options: Sequence[str] = (),
    sections: Sequence[str] = (),
    tracked: bool = True,
    lists: Mapping[str, str] | None = None,
) -> Main:
    """Build a stage's ``main``: it parses the command line, loads the parameters and runs ``body``.

    ``body`` is called as ``body(settings, run, **options)``. With ``tracked=False`` there is no run, and
    the call is ``body(settings, **options)``. What ``body`` returns is called in the main process of a launch
    alone. The parameters of the section ``name`` and of the further ``sections`` are logged. ``lists`` names further
    options that may be left out, and the parameter that takes their names, which are separated by commas:
    ``{"tasks": "evaluate_alignment.tasks"}``.
    The exit code is 0, 2 for bad input (one line on stderr), 130 when interrupted.
    """

    @ends_clearly
    def main(argv: list[str] | None = None) -> int:
        arguments = vars(_parser(name, options, lists or {}).parse_args(argv))
        try:
            chosen = {option: _checked(option, arguments[option]) for option in options}
            settings = load_settings(arguments["params"], _assignments(arguments, lists or {}))
            set_threads(settings.run.threads)
            if not tracked:
                body(settings, **chosen)
                return 0
            join_processes()
            if not is_main_process():
                body(settings, UntrackedRun(), **chosen)
                return 0
            with open_run(name, settings, chosen, sections=("run", "dataset", name, *sections)) as run:
                write = body(settings, run, **chosen)
                if write is not None:
                    write()
        except KeyboardInterrupt:
            print("error: interrupted", file=sys.stderr)
            return 130
        return 0

    return main


def _parser(name: str, options: Sequence[str], lists: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m recexplainer.stages.{name}", allow_abbrev=False)
    for option in options:
        parser.add_argument(f"--{option}", required=True, **OPTIONS.get(option, {}))
    for option, parameter in lists.items():
        parser.add_argument(f"--{option}", default="", metavar="A,B", help=f"the same as -S {parameter}=[A,B]")
    add_parameters(parser)
    parser.add_argument("--set", default="", help="several such assignments in one text, separated by blanks")
    return parser


def _assignments(arguments: dict[str, Any], lists: Mapping[str, str]) -> list[str]:
    try:
        given = [*arguments["assignments"], *shlex.split(arguments["set"])]
    except ValueError as error:
        raise InputError(f"--set {arguments['set']!r}: {error}") from None
    for option, parameter in lists.items():
        names = [name.strip() for name in arguments[option].split(",") if name.strip()]
        given += [f"{parameter}=[{', '.join(names)}]"] if names else []
    return given


def _checked(option: str, value: str) -> str:
    if len(value) > MAX_OPTION_CHARACTERS:
        raise InputError(f"--{option}: is longer than {MAX_OPTION_CHARACTERS} characters")
    known = {"mode": SOURCES, "source": SOURCES}.get(option)
    if known is not None and value not in known:
        raise InputError(f"--{option} must be one of {', '.join(known)}, not {value!r}")
    return value


__all__ = ["ALIGNED_MODES", "SOURCES", "Settings", "StageRun", "set_threads", "stage_main"]
