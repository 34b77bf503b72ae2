"""How long busy and loading servers are waited for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from tests.api import dialects
from tests.api.fake_server import FakeServer, Reply, error, level, raw
from tests.api.questions import levels
from tests.api.test_client import ask

RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.4s"}


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_server_is_waited_for_beyond_the_number_of_tries(server: FakeServer, tmp_path: Path, status: int) -> None:
    began = time.monotonic()
    server.reply = lambda *_: error(status, "loading") if time.monotonic() - began < 1.0 else level("D")
    result = ask(server, ["x", "y"], tmp_path / "cache", max_attempts=2, patience_seconds=20.0)
    assert levels(result) == ["D", "D"]
    assert 3 < result.n_calls < 12  # the waits double


@pytest.mark.parametrize("status", [429, 503, 529])
def test_patience_ends(server: FakeServer, tmp_path: Path, status: int) -> None:
    server.reply = lambda *_: error(status, "still loading")
    began = time.monotonic()
    with pytest.raises(InputError, match="no endpoint is left: .*still loading; .*judge.patience_seconds is 0.5"):
        ask(server, ["x", "y"], tmp_path / "cache", patience_seconds=0.5)
    assert time.monotonic() - began < 5


def test_who_wants_to_rest_for_longer_is_not_waited_for(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda *_: error(429, "quota of the day", Retry_After="3600")
    with pytest.raises(InputError, match=r"quota of the day; it asks to wait for 3[56]\d\d s, judge.patience_seconds"):
        ask(server, ["x"], tmp_path / "cache", patience_seconds=5.0)
    assert server.asked.total() == 1


def test_one_request_does_not_wait_for_ever(server: FakeServer, tmp_path: Path) -> None:
    """Where the others are answered, and the endpoint is not silent."""
    server.reply = lambda message, *_: error(503) if message == "odd" else level("D")
    texts = ["odd", *(f"x{n}" for n in range(60))]
    server.delay_seconds = 0.02
    result = ask(server, texts, tmp_path / "cache", patience_seconds=0.3, concurrency=2)
    assert levels(result) == [None, *["D"] * 60]


@pytest.mark.parametrize(
    "reply",
    [
        dialects.gemini_error(429, "You exceeded your current quota.", "RESOURCE_EXHAUSTED", RETRY_INFO),
        dialects.openai_error(429, "Rate limit reached for requests. Please try again in 400ms. Visit the site."),
        dialects.openai_error(429, "Please retry after 0.4 seconds."),
        dialects.json_reply(503, {"error": "Model m is currently loading", "estimated_time": 0.4}),
    ],
)
def test_the_delay_may_stand_in_the_body_alone(server: FakeServer, tmp_path: Path, reply: Reply) -> None:
    asked_at: list[float] = []

    def once(message: str, earlier: int, body: dict[str, Any]) -> Reply:
        asked_at.append(time.monotonic())
        return reply if earlier == 0 else level("D")

    server.reply = once
    assert levels(ask(server, ["x"], tmp_path / "cache")) == ["D"]
    assert 0.4 <= asked_at[1] - asked_at[0] < 3


def test_rests_are_printed(server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.reply = lambda message, earlier, body: (
        error(503, "loading", Retry_After="1.2") if earlier == 0 else level("D")
    )
    ask(server, ["x"], tmp_path / "cache")
    assert "/v1/: HTTP 503: loading" in capsys.readouterr().err


def test_long_work_shows_a_progress_bar(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(server, ["a", "b"], tmp_path / "cache")
    assert "2/2" not in capsys.readouterr().err  # no terminal
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ask(server, ["x", "y", "z"], tmp_path / "cache")
    assert "3/3" in capsys.readouterr().err


def test_a_web_page_from_a_server_that_has_answered_passes(server: FakeServer, tmp_path: Path) -> None:
    page = raw(b"<html>gateway</html>", "text/html")
    server.reply = lambda message, earlier, body: page if message == "y" and earlier == 0 else level("D")
    assert levels(ask(server, ["x", "y"], tmp_path / "cache", concurrency=1)) == ["D", "D"]
