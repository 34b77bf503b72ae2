from __future__ import annotations

import os
from pathlib import Path

import pytest

from recexplainer import cli
from recexplainer.app import launch


@pytest.fixture
def started(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that a launch would become."""
    found: list[list[str]] = []
    monkeypatch.setattr(launch, "registered_explainers", lambda settings, alias: {"both": f"models:/both@{alias}"})
    monkeypatch.setattr(os, "execv", lambda program, words: found.append(words))
    return found


def test_the_server_is_on_loopback_and_says_nothing_to_others(started: list[list[str]], capsys: object) -> None:
    cli.run(["app"])
    [words] = started
    assert {"--server.address=127.0.0.1", "--server.port=8501", "--browser.gatherUsageStats=false"} <= set(words)
    assert words[-2:] == ["params.yaml", "candidate"] and Path(words[words.index("--") - 1]).is_file()


def test_host_port_and_alias_are_chosen(started: list[list[str]]) -> None:
    cli.run(["app", "--host", "0.0.0.0", "--port", "9000", "--alias", "production"])
    assert {"--server.address=0.0.0.0", "--server.port=9000"} <= set(started[0]) and started[0][-1] == "production"


def test_without_streamlit_one_line_says_what_to_install(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    assert cli.run(["app"]) == 2 and started == []
    assert capsys.readouterr().err == "error: the live page needs Streamlit; run: pip install 'recexplainer[app]'\n"
