"""What is kept of an answer, and what is not an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.request import Prices
from tests.api import dialects
from tests.api.dialects import message
from tests.api.fake_server import FakeServer, Reply, completion, level
from tests.api.questions import levels
from tests.api.test_client import ask

C = '{"rationale": "r", "level": "C"}'


@pytest.mark.parametrize(
    ("reply", "thought"),
    [
        (message(content=C), None),
        (message(content=[{"type": "text", "text": C[:9]}, {"type": "text", "text": C[9:]}]), None),
        (message(content=f'<think>{{"rationale":"x","level":"B"}}</think>{C}'), '{"rationale":"x","level":"B"}'),
        (message(content=C, reasoning_content="B or C"), "B or C"),
        (message(content=C, reasoning="B or C"), "B or C"),
        (
            message(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "B or C"}]}, {"type": "text",
                                                                                                    "text": C}]),
            "B or C",
        ),
    ],
    ids=["text", "parts", "think", "deepseek", "openrouter", "magistral"],
)  # fmt: skip
def test_the_answer_proper_and_its_thinking(
    server: FakeServer, tmp_path: Path, reply: Reply, thought: str | None
) -> None:
    server.reply = lambda *_: reply
    (answer,) = ask(server, ["x"], tmp_path / "cache").answers
    assert answer is not None
    assert (answer["content"], answer.get("reasoning_content")) == (C, thought)


@pytest.mark.parametrize(
    "reply",
    [
        message(content=""),
        message(content=None),
        message(content=" \n"),
        message(content=[]),
        message(content="", reasoning_content="B or C"),
        message(content="<think>B or C</think>"),
        message(content="The mod", finish_reason="error"),
    ],
    ids=["empty", "null", "blank", "no-parts", "thought-alone", "tags-alone", "error"],
)
def test_what_is_not_an_answer_is_not_kept(server: FakeServer, tmp_path: Path, reply: Reply) -> None:
    server.reply = lambda message, *_: reply if message == "odd" else level("C")
    result = ask(server, ["x", "odd"], tmp_path / "cache", prices=Prices(0.0, 1e6))
    assert result.answers[1] is None and ("is empty" in result.errors[1] or "broke off" in result.errors[1])
    assert server.asked["odd"] == (4 if "broke off" in result.errors[1] else 2)  # an empty one is asked once more
    assert result.cost == 7 * server.asked.total()  # what was counted is booked
    server.reply = lambda *_: level("D")
    assert levels(ask(server, ["x", "odd"], tmp_path / "cache")) == ["C", "D"]


def test_a_cut_answer_is_kept_and_told_of(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = lambda *_: completion('<think>{"rationale":"x","level":"A"} or', "length")
    for n_calls in (2, 0):
        result = ask(server, ["x", "y"], tmp_path / "cache")
        assert (result.answers[0] or {})["content"] == "" and result.n_calls == n_calls
        assert "judge: 2 of 2 answers were cut at judge.max_answer_tokens (100)" in capsys.readouterr().err
    assert ask(server, ["x"], tmp_path / "cache", max_answer_tokens=4000).n_calls == 1
    assert server.bodies[-1]["max_tokens"] == 4000


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 2530}, 100 + 2430 * 3),  # thinking is left out
        ({"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130}, 100 + 30 * 3),
        ({"prompt_tokens": 100, "completion_tokens": 30}, 100 + 30 * 3),
        ({"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 90}, 100 + 30 * 3),
    ],
)
def test_the_larger_cost_is_booked(server: FakeServer, tmp_path: Path, usage: dict[str, Any], cost: float) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": C}}
    server.reply = lambda *_: dialects.json_reply(200, {"model": "judge", "choices": [choice], "usage": usage})
    result = ask(server, ["x"], tmp_path / "cache", prices=Prices(1e6, 3e6))
    assert result.cost == cost
    assert json.loads((tmp_path / "cache").read_text())["cost"] == cost


def test_the_engine_is_part_of_the_key_and_is_told(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply = lambda text, earlier, body: dialects.json_reply(
        200, {"model": f"{body['model']}-0806", "choices": [{"finish_reason": "stop", "message": {"content": C}}]}
    )
    assert ask(server, ["x"], tmp_path / "cache").answered_by == {"judge-0806": 1}
    monkeypatch.setenv("ENGINE", "another-model")
    result = ask(server, ["x"], tmp_path / "cache")
    assert (result.n_calls, result.answered_by) == (1, {"another-model-0806": 1})
    assert (result.answers[0] or {})["engine"] == "another-model"
    monkeypatch.delenv("ENGINE")
    assert ask(server, ["x"], tmp_path / "cache").answered_by == {"judge-0806": 1}
