"""The one command: it names every stage, is light to ask for help, and its reference page is what it says."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from bin.reference import pages, parameters
from recexplainer import cli
from recexplainer.explaining.selection import _words
from tests.conftest import REPOSITORY


def test_the_reference_is_what_help_and_params_say() -> None:
    """`make reference` writes the pages."""
    for page, text in pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name} is stale: run `make reference`"


def test_the_reference_of_parameters_keeps_values_and_comments() -> None:
    text = "align:  # teaches\n  modes: [both, none]  # a | b\n  lora:\n    r: 1\n    kind: a#b\nrun:\n  seed: 7\n"
    rows = [line for line in parameters(text).splitlines() if line.startswith("| `")]
    assert rows == [
        "| `modes` | `[both, none]` | a / b |",
        "| `lora.r` | `1` |  |",
        "| `lora.kind` | `a#b` |  |",
        "| `seed` | `7` |  |",
    ]
    assert "## align\n\nTeaches.\n\n| parameter |" in parameters(text)


def test_every_stage_is_a_command() -> None:
    modules = {path.stem for path in (REPOSITORY / "src/recexplainer/stages").glob("*.py")} - {"__init__"}
    assert modules <= set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def test_one_module_alone_is_run_as_a_program_beside_streamlits_page() -> None:
    package = REPOSITORY / "src" / "recexplainer"
    programs = [path for path in package.rglob("*.py") if '__name__ == "__main__"' in path.read_text()]
    assert set(programs) == {package / "__main__.py", package / "app" / "page.py"}


HEAVY = ("torch", "mlflow", "pandas", "transformers")


def run_apart(script: str, folder: Path) -> tuple[str, list[str]]:
    """What a fresh Python prints on both streams, and the heavy libraries that it has imported in the end."""
    found = f"print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nfrom recexplainer import cli\n{script}\n{found}"],
        capture_output=True, text=True, check=True, cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.stdout + done.stderr, ast.literal_eval(done.stdout.splitlines()[-1])


def test_help_imports_no_heavy_library(tmp_path: Path) -> None:
    printed, heavy = run_apart("cli.run(['--help'])", tmp_path)
    assert heavy == [] and "Align the base LLM to the recommender" in printed


def test_a_run_imports_no_heavy_library_before_it_opens_its_run(tmp_path: Path) -> None:
    """Parameters are checked, tasks by name, and the time is estimated without any."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    (tmp_path / "dvc.yaml").touch()
    printed, heavy = run_apart(
        "from recexplainer.stages import main\n"
        "def open_run(*given, **more): raise main.InputError('opened')\n"
        "main.open_run = open_run\n"
        "cli.run(['run'])",
        tmp_path,
    )
    assert heavy == [] and "error: opened" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alin"], "No such command 'alin'. Did you mean 'align'"),
        (["align"], "Missing option '--mode'. (see recexplainer align --help)"),
        (["align", "--mode", "all"], "--mode must be one of behaviour, intention, both, not 'all'"),
        (["explain", "--item", "3"], "--item needs --user"),
        (["explain", "--json"], "--json needs --user"),
        (["judge", "compare", "both", "nobody"], "'nobody' is not a source; known: "),
        (["preset", "nothing"], "params: holds no presets; run this in the project's root"),
    ],
)
def test_a_bad_command_line_is_one_line(
    empty_project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.run(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_names_may_be_written_with_hyphens(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["export-prompts", "-S", "run.sede=1"]) == 2
    assert "did you mean 'seed'" in capsys.readouterr().err


def test_a_user_and_an_item_are_explained(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recexplainer.stages import explain, explain_users

    asked: list[Any] = []
    monkeypatch.setattr(explain, "main", lambda argv: asked.append(("explain", argv)) or 0)
    monkeypatch.setattr(explain_users, "main", lambda argv: asked.append(("explain_users", argv)) or 0)
    assert cli.run(["explain"]) == 0
    assert cli.run(["explain", "--user", "raw:A1", "--item", "title:Ember Crown", "-S", "run.seed=1"]) == 0
    assert asked[0] == ("explain", ["--source", "both", "--params", "params.yaml"])
    assert asked[1][0] == "explain_users"
    assert asked[1][1][-4:] == ["--users", "'raw:A1'", "--items", "'title:Ember Crown'"]


def test_a_name_with_a_comma_is_one_name() -> None:
    names = ["raw:7,8", "title:It's 'so', they say", "12"]
    assert _words(cli._quoted(names), "items") == names


@pytest.mark.parametrize("arguments", [["judge"], ["judge", "--source", "none"]])
def test_judge_is_a_stage_and_holds_a_comparison(
    empty_project: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    from recexplainer.stages import judge

    asked: list[list[str]] = []
    monkeypatch.setattr(judge, "main", lambda argv: asked.append(argv) or 2)
    assert cli.run(arguments) == 2
    assert asked == [["--source", arguments[-1] if len(arguments) > 1 else "both", "--params", "params.yaml"]]
