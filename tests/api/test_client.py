from __future__ import annotations

import email.utils
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.client import Answers
from recexplainer.api.request import Question, request_key
from recexplainer.core.errors import InputError
from tests.api import questions
from tests.api.fake_server import RESET, FakeServer, Reply, completion, cut, error, level, raw
from tests.api.questions import key_of, levels, settings_for
from tests.conftest import REPOSITORY


def ask(server: FakeServer, texts: list[str], cache: Path, **changes: Any) -> Answers:
    return questions.ask(texts, cache, settings_for(server.base_url, **changes))


def test_good_answers_keep_the_order_of_the_requests(server: FakeServer, tmp_path: Path) -> None:
    def reply(message: str, *_: Any) -> Reply:
        time.sleep(0.03 if message.startswith("0") else 0)  # the first answer comes last
        return level(message[-1])

    server.reply = reply
    result = ask(server, ["0 A", "1 B", "2 C", "3 D", "1 B"], tmp_path / "cache")
    assert levels(result) == ["A", "B", "C", "D", "B"]
    assert (result.n_calls, result.n_from_cache) == (4, 0)  # equal requests are one
    assert (result.prompt_tokens, result.completion_tokens) == (400, 28)


def test_what_is_asked(server: FakeServer, tmp_path: Path) -> None:
    ask(server, ["x"], tmp_path / "cache")
    body = server.bodies[0]
    assert (body["model"], body["temperature"], body["seed"], body["max_tokens"]) == ("judge", 0, 7, 100)
    assert body["response_format"]["json_schema"]["strict"] is True
    assert server.headers[0]["authorization"] == "Bearer not-a-real-key"
    assert "not-a-real-key" not in (tmp_path / "cache").read_text()


@pytest.mark.parametrize(
    "failure",
    [
        error(429),
        error(429, Retry_After="0.02"),
        error(500),
        error(503),
        error(408),
        error(503, Retry_After="0.02"),
        None,  # the connection breaks
        RESET,
        cut(b'{"id": "c", "choices": [{"mess'),
        raw(b'{"id": "c", "choices": [{"mess'),  # cut JSON
        raw(b'{"id": "c", "object": "chat.completion", "choices": []}'),
        raw(b'{"id": "c", "object": "chat.completion", "choices": [{"index": 0}]}'),
        raw(b'{"id": "c", "object": "chat.completion", "choices": "C"}'),
        raw(b"null"),
    ],
    ids=[
        "429",
        "429-after",
        "500",
        "503",
        "408",
        "503-after",
        "broken",
        "reset",
        "cut-body",
        "cut-json",
        "no-choices",
        "no-message",
        "odd-choices",
        "null",
    ],
)
def test_passing_failures_are_tried_again(server: FakeServer, tmp_path: Path, failure: Reply) -> None:
    server.reply = lambda message, earlier, body: failure if earlier < 2 else level("C")
    result = ask(server, ["x", "y"], tmp_path / "cache")
    assert levels(result) == ["C", "C"]
    assert server.asked == {"x": 3, "y": 3}
    assert result.n_calls == 6


def test_time_outs_are_tried_again(server: FakeServer, tmp_path: Path) -> None:
    def reply(message: str, earlier: int, body: dict[str, Any]) -> Reply:
        time.sleep(0.6 if earlier == 0 else 0)
        return level("D")

    server.reply = reply
    assert levels(ask(server, ["x"], tmp_path / "cache", timeout_seconds=0.2)) == ["D"]
    assert server.asked["x"] == 2


@pytest.mark.parametrize("form", ["seconds", "date", "nonsense"])
def test_the_server_says_how_long_to_wait(server: FakeServer, tmp_path: Path, form: str) -> None:
    asked_at: list[float] = []

    def reply(message: str, earlier: int, body: dict[str, Any]) -> Reply:
        asked_at.append(time.monotonic())
        after = {
            "seconds": "0.3",
            "date": email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True),
            "nonsense": "nan",
        }[form]
        return error(429, Retry_After=after) if earlier == 0 else level("D")

    server.reply = reply
    assert levels(ask(server, ["x"], tmp_path / "cache")) == ["D"]
    waited = asked_at[1] - asked_at[0]
    assert waited >= {"seconds": 0.3, "date": 0.9, "nonsense": 0.01}[form]
    assert waited < 4


def test_one_request_that_breaks_every_connection_fails_alone(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, *_: RESET if message == "poison" else level("B")
    assert levels(ask(server, ["x", "y", "poison"], tmp_path / "cache", concurrency=1)) == ["B", "B", None]
    result = ask(server, ["x", "y", "poison", "z"], tmp_path / "cache", concurrency=1)
    assert levels(result) == ["B", "B", None, "B"]


def test_a_content_filter(server: FakeServer, tmp_path: Path) -> None:
    """Before the model (no answer), after it, and as the model's own refusal (an answer, which is kept)."""
    status, headers, body = error(400, "policy") or (0, {}, b"")
    filtered = status, headers, body.replace(b'"c"', b'"content_filter"')
    replies: dict[str, Reply] = {
        "before": filtered,
        "after": completion('{"rationale": "it', "content_filter"),
        "no message": raw(b'{"id": "c", "choices": [{"index": 0, "finish_reason": "content_filter"}]}'),
        "refusal": raw(b'{"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",'
                       b' "content": null, "refusal": "I would rather not."}}]}'),
        "fine": level("C"),
    }  # fmt: skip
    server.reply = lambda message, *_: replies[message]
    result = ask(server, list(replies), tmp_path / "cache")
    blocked, *answered = result.answers
    assert blocked is None and "content filter" in result.errors[0]
    ends = [(answer["finish_reason"], answer["content"], answer.get("refusal")) for answer in answered if answer]
    assert ends == [
        ("content_filter", '{"rationale": "it', None),
        ("content_filter", None, None),
        ("stop", None, "I would rather not."),
        ("stop", '{"rationale": "because", "level": "C"}', None),
    ]
    again = ask(server, list(replies), tmp_path / "cache")
    assert (again.answers, again.n_calls) == (result.answers, 1)  # a refusal alone does not end the next run


def test_options_that_a_model_does_not_take(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(message: str, earlier: int, body: dict[str, Any]) -> Reply:
        if "max_tokens" in body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return error(400, "Unsupported value: 'temperature' does not support 0 with this model.")
        return level("D")

    server.reply = reply
    assert levels(ask(server, [f"x{n}" for n in range(4)], tmp_path / "cache", concurrency=1)) == ["D"] * 4
    assert server.asked.total() == 4 + 2
    assert server.bodies[-1]["max_completion_tokens"] == 100
    assert "response_format" in server.bodies[-1]
    assert "does not accept temperature" in capsys.readouterr().err


def test_lasting_failures_are_counted_and_asked_again_by_the_next_run(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, *_: error(500, "out of order") if message == "bad" else level("B")
    result = ask(server, ["good", "bad"], tmp_path / "cache", max_attempts=2)
    assert levels(result) == ["B", None]
    assert "HTTP 500" in result.errors[1]
    server.reply = lambda *_: level("A")
    again = ask(server, ["good", "bad"], tmp_path / "cache")
    assert levels(again) == ["B", "A"]
    assert (again.n_calls, again.n_from_cache) == (1, 1)
    assert again.prompt_tokens == 200  # of both answers, the earlier run's too


def test_a_rest_that_fails_again_does_not_end_the_next_run(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, *_: error(500) if message.startswith("bad") else level("B")
    for texts, expected in ((["x", "y", "bad"], 1), (["x", "y", "bad"], 1), (["x", "y", "z", "bad"], 1)):
        assert levels(ask(server, texts, tmp_path / "cache", max_attempts=2)).count(None) == expected
    with pytest.raises(InputError, match="no request was answered"):  # as much as was answered before: no rest
        ask(server, ["x", "bad"], tmp_path / "cache", max_attempts=2)


def test_a_request_that_the_server_refuses_is_not_repeated(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, *_: error(400, "too long") if message == "long" else level("B")
    assert levels(ask(server, ["long", "short"], tmp_path / "cache")) == [None, "B"]
    assert server.asked["long"] == 1


def test_a_server_without_response_format_is_asked_without(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, earlier, body: (
        error(400, "response_format is not supported") if "response_format" in body else level("C")
    )
    result = ask(server, [f"x{n}" for n in range(6)], tmp_path / "cache", concurrency=1)
    assert levels(result) == ["C"] * 6
    assert server.asked.total() == 6 + 2  # nor with a JSON object instead of a schema


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (error(401), "refuses the key in OPENAI_API_KEY"),
        (error(403), "refuses the key in OPENAI_API_KEY"),
        (error(404, "no such model"), "no model 'judge'"),
        (error(400, "bad"), "no request was answered.*HTTP 400"),
        (error(500), "no request was answered.*HTTP 500"),
    ],
)
def test_what_concerns_every_request_ends_the_run(
    server: FakeServer, tmp_path: Path, reply: Reply, message: str
) -> None:
    server.reply = lambda *_: reply
    with pytest.raises(InputError, match=message):
        ask(server, [f"x{n}" for n in range(5)], tmp_path / "cache", max_attempts=2)


def test_an_unreachable_server(server: FakeServer, tmp_path: Path) -> None:
    settings = settings_for("http://127.0.0.1:9/v1", max_attempts=2)
    with pytest.raises(InputError, match="cannot be reached"):
        questions.ask(["x"], tmp_path / "cache", settings)


def test_a_missing_key_is_named(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "  "):
        monkeypatch.setenv("OPENAI_API_KEY", value)
        with pytest.raises(InputError, match="OPENAI_API_KEY"):
            ask(server, ["x"], tmp_path / "cache")
    assert not server.bodies


def test_the_budget_is_checked_before_anything_is_asked(server: FakeServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_calls is 2, but 3 requests"):
        ask(server, ["x", "y", "z"], tmp_path / "cache", max_calls=2)
    assert not server.bodies


def test_the_budget_holds_when_requests_are_repeated(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, earlier, body: error(500) if message == "x4" else level("D")
    texts = [f"x{n}" for n in range(6)]
    with pytest.raises(InputError, match=r"max_calls \(7\) is exhausted after \d answers, which are kept"):
        ask(server, texts, tmp_path / "cache", max_calls=7, max_attempts=50)
    assert server.asked.total() == 7
    answered = {text for text in texts if text != "x4" and server.asked[text]}
    server.reply = lambda *_: level("D")
    assert levels(ask(server, texts, tmp_path / "cache")) == ["D"] * 6
    assert all(server.asked[text] == 1 for text in answered)  # the answers in flight were waited for


def test_concurrency_is_bounded(server: FakeServer, tmp_path: Path) -> None:
    server.delay_seconds = 0.02
    ask(server, [f"x{n}" for n in range(20)], tmp_path / "cache", concurrency=3)
    assert server.most_at_once == 3


def test_the_key_of_a_request_holds_what_decides_the_answer(server: FakeServer) -> None:
    settings = settings_for(server.base_url)
    others = [
        key_of("y", settings),
        key_of("x", settings_for("http://other/v1")),
        *(key_of("x", settings_for(server.base_url, **change)) for change in (
            {"model": "other"}, {"seed": 8}, {"max_answer_tokens": 5}, {"reasoning_effort": "low"},
        )),
        request_key(
            Question([{"role": "user", "content": "x"}], 7), server.base_url, "judge", settings.options(None, 7)
        ),
    ]  # fmt: skip
    own = key_of("x", settings)
    assert len({own, *others}) == 8
    bounds: dict[str, Any] = {"concurrency": 9, "max_calls": 1, "timeout_seconds": 1.0, "patience_seconds": 1.0}
    assert own == key_of("x", settings_for(server.base_url, **bounds))
    assert own == key_of("x", settings_for(f"{server.base_url}/"))


def test_nothing_to_ask(server: FakeServer, tmp_path: Path) -> None:
    assert ask(server, [], tmp_path / "cache").answers == []


@pytest.mark.slow
def test_killed_runs_lose_no_answer_and_ask_none_twice(server: FakeServer, tmp_path: Path) -> None:
    """Three runs are killed in the midst; only requests that were open at a kill may be asked again."""
    server.delay_seconds = 0.01
    texts = [f"explanation {number}" for number in range(120)]
    cache, concurrency, n_kills = tmp_path / "cache", 4, 3
    for kill in range(1, n_kills + 1):
        process = subprocess.Popen([sys.executable, "-c", _SCRIPT, server.base_url, str(cache), json.dumps(texts)])
        deadline = time.monotonic() + 60
        while server.asked.total() < 25 * kill and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    time.sleep(0.1)
    n_kept = cache.read_bytes().count(b"\n")
    n_asked = server.asked.total()
    assert 25 * n_kills <= n_asked < len(texts)
    assert n_asked - n_kills * concurrency <= n_kept
    result = ask(server, texts, cache, concurrency=concurrency)
    assert levels(result) == ["D"] * len(texts)
    assert (result.n_from_cache, result.n_calls) == (n_kept, len(texts) - n_kept)
    assert server.asked.total() - len(texts) <= n_kills * concurrency
    assert result.prompt_tokens == 100 * len(texts)


_SCRIPT = f"""
import json, sys
sys.path[:0] = [{str(REPOSITORY / "src")!r}, {str(REPOSITORY)!r}]
from pathlib import Path
from tests.api.questions import ask, settings_for
ask(json.loads(sys.argv[3]), Path(sys.argv[2]), settings_for(sys.argv[1]))
"""


@pytest.mark.slow
def test_two_processes_at_once_pay_once(server: FakeServer, tmp_path: Path) -> None:
    server.delay_seconds = 0.02
    texts, cache = [f"explanation {number}" for number in range(40)], tmp_path / "cache"
    command = [sys.executable, "-c", _SCRIPT, server.base_url, str(cache), json.dumps(texts)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert server.asked == {text: 1 for text in texts}
    assert cache.read_bytes().count(b"\n") == len(texts)
    assert sum("in use by another run" in text for text in said) <= 1


def test_an_answer_that_a_kill_cut_off_is_asked_again(server: FakeServer, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    ask(server, ["x", "y"], cache)
    cache.write_bytes(cache.read_bytes()[:-30])
    result = ask(server, ["x", "y"], cache)
    assert (levels(result), result.n_calls, result.n_from_cache) == (["D", "D"], 1, 1)
    assert ask(server, ["x", "y"], cache).n_calls == 0


def test_what_is_kept_of_an_answer(server: FakeServer, tmp_path: Path) -> None:
    ask(server, ["x"], tmp_path / "cache")
    line = json.loads((tmp_path / "cache").read_text())
    assert line.pop("key") == key_of("x", settings_for(server.base_url))
    assert line == {
        "content": '{"rationale": "because", "level": "D"}', "finish_reason": "stop", "model": "judge",
        "prompt_tokens": 100, "completion_tokens": 7, "engine": "judge",
    }  # fmt: skip
