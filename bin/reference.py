"""Write the reference pages: commands from what ``--help`` says, parameters from params.yaml and its comments."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from recexplainer import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
COMMANDS_HEAD = """\
# Commands

`make reference` writes this page from what `--help` says.

"""
PARAMETERS_HEAD = """\
# Parameters

`make reference` writes this page from `params.yaml` and its comments, which hold every value that a run depends on.
Replace any of them for one run with `-S section.key=value`."""
LINE = re.compile(r"(?P<indent> *)(?P<key>[\w/]+):(?P<value>(?: +[^\s#]\S*)*)(?: +# ?(?P<comment>.*))?")


def commands() -> str:
    """The commands with their options, in Markdown."""
    command = typer.main.get_command(cli.app)
    context = command.make_context("recexplainer", [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, indent=1, name="recexplainer")
    return COMMANDS_HEAD + re.sub(r"[ \t]+\n", "\n", text).strip() + "\n"


def parameters(text: str) -> str:
    """The sections of a parameter file as Markdown tables of name, default and comment."""
    lines, above = [PARAMETERS_HEAD], [""]
    for line in filter(None, map(LINE.fullmatch, text.splitlines())):
        depth = len(line["indent"]) // 2
        is_first = depth == 1 and len(above) == 1
        above[depth:] = [line["key"]]
        if depth == 0:
            lines += [f"\n## {line['key']}\n", *([f"{_sentence(line['comment'])}\n"] if line["comment"] else [])]
        elif line["value"] or line["comment"]:
            lines += ["| parameter | default | |", "|---|---|---|"] if is_first else []
            value = f"`{line['value'].strip()}`" if line["value"] else ""
            lines.append(f"| `{'.'.join(above[1:])}` | {value} | {_cell(line['comment'] or '')} |")
    return "\n".join(lines) + "\n"


def _sentence(comment: str) -> str:
    return comment[0].upper() + comment[1:].rstrip(".") + "."


def _cell(comment: str) -> str:
    return comment.replace(" | ", " / ").replace("|", "&#124;")


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    return {
        PAGES / "commands.md": commands(),
        PAGES / "parameters.md": parameters((ROOT / "params.yaml").read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
