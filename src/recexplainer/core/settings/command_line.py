"""What every command line shares: the options that choose parameters, and one way to end.

Commands are built with typer. A usage error ends with exit code 2 like any other bad input.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from recexplainer.core.errors import InputError, ends_clearly
from recexplainer.core.settings import PARAMS_FILE

os.environ.setdefault("TYPER_STANDARD_TRACEBACK", "1")  # a traceback is the program's own: shown as Python shows it

Assignments = Annotated[
    list[str],
    typer.Option("-S", metavar="SECTION.KEY=VALUE", help="Use another value for one parameter (repeatable)."),
]
ParamsFile = Annotated[Path, typer.Option("--params", metavar="FILE", help="Parameter file.")]
AssignmentText = Annotated[
    str, typer.Option("--set", metavar="TEXT", help="Several assignments in one string, separated by spaces.")
]
HELP_NAMES = {"help_option_names": ["-h", "--help"]}
PARAMETER_OPTIONS: dict[str, tuple[Any, Any]] = {
    "assignments": (Assignments, ()),
    "params": (ParamsFile, PARAMS_FILE),
    "set": (AssignmentText, ""),
}


def build_command(
    name: str, help: str, options: Mapping[str, tuple[Any, Any]], callback: Callable[..., int]
) -> TyperCommand:
    """A command whose options are given as data: by name an annotated type and a default (`...` makes it required).

    Args:
        name: Of the command.
        help: What ``--help`` says.
        options: As `PARAMETER_OPTIONS`.
        callback: Takes the options by name and returns the exit code.
    """

    def command(**given: Any) -> None:
        raise typer.Exit(callback(**given))

    signature = [
        inspect.Parameter(
            option,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=inspect.Parameter.empty if default is ... else default,
        )
        for option, (annotation, default) in options.items()
    ]
    command.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    command.__annotations__ = {option: annotation for option, (annotation, _) in options.items()}
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=HELP_NAMES)
    app.command(name, help=help)(command)
    built = typer.main.get_command(app)
    assert isinstance(built, TyperCommand)
    return built


@ends_clearly
def run_command(command: Any, argv: list[str] | None, prog_name: str) -> int:
    """Run a command with its arguments (None: those of the process); return its exit code, see `ends_clearly`."""
    if any(name.endswith("_COMPLETE") and name.startswith("_RECEXPLAINER") for name in os.environ):
        command.main(prog_name=prog_name)  # the shell asks which words may follow
    try:
        with command.make_context(prog_name, sys.argv[1:] if argv is None else list(argv)) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except typer.TyperException as error:  # the command line is at fault
        raise InputError(f"{error.format_message()} ({_hint(error, prog_name)})") from None
    return 0


def _hint(error: typer.TyperException, prog_name: str) -> str:
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else prog_name} --help"
