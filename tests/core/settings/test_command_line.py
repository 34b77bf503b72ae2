"""Commands that are given as data: options, defaults, and how they end."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import typer

from recexplainer.core.errors import InputError
from recexplainer.core.settings.command_line import PARAMETER_OPTIONS, build_command, run_command

OPTIONS = {"mode": (Annotated[str, typer.Option(help="Which.")], ...), **PARAMETER_OPTIONS}


def test_options_reach_the_callback_and_its_code_comes_back() -> None:
    seen: list[dict[str, Any]] = []
    command = build_command("align", "Align.", OPTIONS, lambda **given: seen.append(given) or 3)
    assert run_command(command, ["--mode", "both", "-S", "a.b=1", "-S", "c.d=2", "--params", "p.yaml"], "x") == 3
    assert (seen[0]["mode"], list(seen[0]["assignments"]), str(seen[0]["params"])) == (
        "both", ["a.b=1", "c.d=2"], "p.yaml",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: Missing option '--mode'. (see x --help)"),
        (["--mode", "both", "--nothing"], "error: No such option: --nothing"),
        (["--mode", "both", "left"], "error: Got unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    command = build_command("align", "Align.", OPTIONS, lambda **_: pytest.fail("ran"))
    assert run_command(command, arguments, "x") == 2
    error = capsys.readouterr().err
    assert error.startswith(message) and error.count("\n") == 1


def test_bad_input_and_interruptions_have_codes_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    def ends_with(error: BaseException) -> int:
        def callback(**_: Any) -> int:
            raise error

        return run_command(build_command("align", "Align.", OPTIONS, callback), ["--mode", "both"], "x")

    assert ends_with(InputError("no title")) == 2
    assert ends_with(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "error: no title\nerror: interrupted\n"
