"""Write the reference of all commands, docs/reference/commands.md, from what ``--help`` says."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from recexplainer import cli

PAGE = Path("docs/reference/commands.md")
HEAD = """\
# Commands

`make reference` writes this page from what `--help` says.

"""


def reference() -> str:
    """The commands with their options, in Markdown."""
    command = typer.main.get_command(cli.app)
    context = command.make_context("recexplainer", [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, indent=1, name="recexplainer")
    return HEAD + re.sub(r"[ \t]+\n", "\n", text).strip() + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
