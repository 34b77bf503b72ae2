"""What endpoints refuse of a request is learnt from one request, before the others are sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.dialect import Dialect, refused_option
from recexplainer.api.request import Prices
from recexplainer.core.errors import InputError
from tests.api import dialects
from tests.api.dialects import gemini_error, json_reply, openai_error
from tests.api.fake_server import FakeServer, Reply, error, level
from tests.api.questions import levels
from tests.api.test_client import ask

TEXTS = [f"x{number}" for number in range(12)]
OBJECT = {"type": "json_object"}


@pytest.mark.parametrize(
    ("speaks", "n_refusals", "dropped", "sent"),
    [
        (dialects.gemini, 1, {"seed"}, {"temperature": 0, "max_tokens": 100}),
        (dialects.mistral, 1, {"seed"}, {"temperature": 0}),
        (dialects.litellm, 1, {"seed"}, {"temperature": 0}),
        (dialects.tgi, 1, {"temperature"}, {"seed": 7}),
        (dialects.openai_reasoning, 2, {"max_tokens", "temperature"}, {"max_completion_tokens": 100, "seed": 7}),
        (dialects.only_one_temperature, 1, {"temperature"}, {"max_tokens": 100}),
        (dialects.deprecated_temperature, 1, {"temperature"}, {"max_tokens": 100}),
        (dialects.no_structured_outputs, 1, set(), {"response_format": OBJECT}),
        (dialects.no_response_format, 2, {"response_format"}, {"seed": 7}),
        (dialects.no_reasoning_effort, 1, {"reasoning_effort"}, {"seed": 7}),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_one_request_learns_what_an_endpoint_takes(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    speaks: Callable[..., Reply], n_refusals: int, dropped: set[str], sent: dict[str, Any],
) -> None:  # fmt: skip
    server.reply, server.delay_seconds = speaks, 0.01
    result = ask(server, TEXTS, tmp_path / "cache", concurrency=4, reasoning_effort="low")
    assert levels(result) == ["D"] * 12
    assert server.asked.total() == 12 + n_refusals  # although four might be asked at once
    assert server.asked[TEXTS[0]] == 1 + n_refusals
    last = server.bodies[-1]
    assert last.items() >= sent.items() and not dropped & last.keys()
    assert capsys.readouterr().err.count("does not accept") == n_refusals
    again = ask(server, TEXTS, tmp_path / "cache", reasoning_effort="low")
    assert (again.n_calls, again.n_from_cache) == (0, 12)
    more = ask(server, [*TEXTS, "new"], tmp_path / "cache", reasoning_effort="low")
    assert (levels(more), more.n_calls) == (["D"] * 13, 1)  # the cache remembers what is not taken


def test_a_dialect_is_part_of_the_key(server: FakeServer, tmp_path: Path) -> None:
    ask(server, ["x"], tmp_path / "plain")
    server.reply = dialects.only_one_temperature
    ask(server, ["x"], tmp_path / "dialect")
    keys = [json.loads((tmp_path / name).read_text().splitlines()[0])["key"] for name in ("plain", "dialect")]
    assert keys[0] != keys[1]


def test_repeats_differ_where_no_seed_is_taken(server: FakeServer, tmp_path: Path) -> None:
    server.reply = dialects.gemini
    assert ask(server, ["x"], tmp_path / "cache").n_calls == 2
    assert ask(server, ["x"], tmp_path / "cache", seed=8).n_calls == 1  # by the second seed it is another question


def test_what_one_request_is_refused_for_is_not_what_the_endpoint_refuses(server: FakeServer, tmp_path: Path) -> None:
    """A prompt that is echoed in a refusal may hold any word."""
    server.reply = lambda message, *_: error(400, f"too long: {message}") if "Seed" in message else level("D")
    result = ask(server, ["x", "The Seed of Evil, unknown", "y"], tmp_path / "cache", concurrency=1)
    assert levels(result) == ["D", None, "D"]
    assert all("seed" in body for body in server.bodies)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("max_tokens is too large: 9000. This model supports at most 4096 completion tokens", None),
        ("This model's maximum context length is 4096 tokens. Please reduce max_tokens or the messages", None),
        ('{"error": {"message": "Invalid messages; seed", "param": "messages"}}', None),
        ('{"detail": [{"loc": ["body", "messages", 0], "msg": "bad", "input": "a temperature of 1"}]}', None),
        ('{"error": {"message": "Unknown parameter: seed. Known: temperature, max_tokens"}}', "seed"),
        ('{"error": {"message": "bad", "param": "response_format.json_schema"}}', "response_format"),
        ("property 'seed' is unsupported", "seed"),
        ("unknown field: max_tokens", "max_tokens"),
        ("Bad request", None),
    ],
)
def test_the_option_that_a_refusal_names(text: str, option: str | None) -> None:
    sent = {"temperature": 0, "max_tokens": 9, "seed": 7, "response_format": {"type": "json_schema"}}
    assert refused_option(400, text, sent) == option
    assert refused_option(500, text, sent) is None


def test_an_option_that_was_not_sent_is_not_dropped() -> None:
    assert refused_option(400, "seed is not supported", {"temperature": 0}) is None
    assert refused_option(400, "max_completion_tokens is not supported", {"max_completion_tokens": 5}) is None


def test_a_json_schema_falls_back_to_an_object_and_to_words() -> None:
    wanted = {"response_format": {"type": "json_schema", "json_schema": {}}, "seed": 1}
    dialect, _ = Dialect().without("response_format")
    assert dialect.options(wanted) == {"response_format": OBJECT, "seed": 1}
    dialect, _ = dialect.without("response_format")
    assert dialect.options(wanted) == {"seed": 1}


# --- lasting conditions ---------------------------------------------------------------------------------------

HTML = b"<!DOCTYPE html><html><title>Welcome to the proxy</title></html>"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (openai_error(401, "Incorrect API key provided: not-a********key."), "refuses the key .*provided: .key."),
        (gemini_error(400, "API key not valid. Please pass another.", "INVALID_ARGUMENT"), "refuses the key"),
        (openai_error(402, "Insufficient Balance"), "account has no credit left .*Insufficient Balance"),
        (openai_error(404, "The model `judge` does not exist."), "no model 'judge' .*does not exist"),
        (json_reply(404, {"detail": "Not Found"}), "no chat/completions .*Not Found.*an address ends with /v1"),
        ((404, {"Content-Type": "text/plain"}, b"404 page not found"), "no chat/completions .*page not found"),
        ((200, {"Content-Type": "text/html"}, HTML), "answers with a web page, Welcome to the proxy"),
        (json_reply(200, {"error": {"message": "No credits", "code": 402}}), "account has no credit left .*No credits"),
        (json_reply(200, {"error": {"code": 401, "message": "User not found."}}), "refuses the key.*not found"),
    ],
)  # fmt: skip
def test_a_lasting_condition_is_met_once_costs_nothing_and_ends_with_the_servers_words(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], reply: Reply, said: str
) -> None:
    server.reply = lambda *_: reply
    with pytest.raises(InputError, match=f"no endpoint is left: .*{said}") as caught:
        ask(server, TEXTS, tmp_path / "cache", prices=Prices(1.0, 1.0))
    assert server.asked.total() == 1
    assert "no model" not in str(caught.value) or "judge` does not exist" in str(caught.value)
    assert "1 request(s) sent, 0 answered, 1 failed, 0 spent" in capsys.readouterr().err


def test_an_error_object_with_status_200_is_asked_once(server: FakeServer, tmp_path: Path) -> None:
    odd = json_reply(200, {"error": {"message": "Provider refused it"}})
    server.reply = lambda message, *_: odd if message == "odd" else level("C")
    result = ask(server, ["x", "odd"], tmp_path / "cache")
    assert (levels(result), server.asked["odd"]) == (["C", None], 1)
    assert result.errors[1] == "the server says: Provider refused it"
    passing = json_reply(200, {"error": {"message": "Upstream overloaded", "code": 502}})
    server.reply = lambda message, earlier, body: passing if earlier < 2 else level("C")
    assert levels(ask(server, ["new"], tmp_path / "cache")) == ["C"]  # a code says that it passes


def test_a_refusal_by_moderation_concerns_one_request(server: FakeServer, tmp_path: Path) -> None:
    refused = openai_error(403, "Your input was flagged by moderation")
    server.reply = lambda message, *_: refused if message == "odd" else level("C")
    result = ask(server, ["x", "odd", "y"], tmp_path / "cache")
    assert levels(result) == ["C", None, "C"] and "content filter" in result.errors[1]
