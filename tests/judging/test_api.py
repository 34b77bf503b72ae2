from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.cache import AnswerCache
from recexplainer.judging.api import ApiResult, judge_by_api
from tests.api.fake_server import FakeServer, Reply, completion, error, level, raw
from tests.api.questions import settings_for


def ask(server: FakeServer, texts: list[str], cache: Path, **changes: Any) -> ApiResult:
    with AnswerCache(cache) as answers:
        requests = [[{"role": "user", "content": text}] for text in texts]
        return judge_by_api(requests, settings_for(server.base_url, **changes), answers)


def levels(result: ApiResult) -> list[str]:
    return [grade.level for grade in result.grades]


def test_judgements_keep_the_order_of_the_requests(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, *_: level(message[-1])
    result = ask(server, ["0 A", "1 B", "2 C", "1 B"], tmp_path / "cache")
    assert levels(result) == ["A", "B", "C", "B"]
    assert result.grades[0].reasons == {"rationale": "because"}
    assert (result.asked.n_calls, result.asked.n_from_cache) == (3, 0)
    assert server.bodies[0]["response_format"]["json_schema"]["strict"] is True


def test_no_answer_is_failed_and_says_why(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, *_: error(400, "too long") if message == "long" else level("B")
    result = ask(server, ["long", "short"], tmp_path / "cache")
    assert levels(result) == ["failed", "B"]
    assert "HTTP 400: " in result.grades[0].reasons["error"]


@pytest.mark.parametrize(
    ("reply", "finish_reason"),
    [
        (completion('{"rationale": "it was', "length"), "length"),
        (completion('{"rationale": "it', "content_filter"), "content_filter"),
        (completion("I'd say D."), "stop"),
        (completion('{"rationale": "r", "level": "Z"}'), "stop"),
    ],
)
def test_answers_without_a_level_are_kept_and_counted(
    server: FakeServer, tmp_path: Path, reply: Reply, finish_reason: str
) -> None:
    server.reply = lambda *_: reply
    for _ in range(2):
        result = ask(server, ["x"], tmp_path / "cache")
        assert levels(result) == ["unparseable"]
        assert result.grades[0].reasons["finish_reason"] == finish_reason
    assert server.asked["x"] == 1


def test_answers_without_a_level_can_be_asked_for_again(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, earlier, body: completion("Hm.") if message == "x" and earlier == 0 else level("C")
    requests = [[{"role": "user", "content": text}] for text in ("x", "y")]
    with AnswerCache(tmp_path / "cache") as cache:
        assert levels(judge_by_api(requests, settings_for(server.base_url), cache)) == ["unparseable", "C"]
    with AnswerCache(tmp_path / "cache") as cache:
        result = judge_by_api(requests, settings_for(server.base_url), cache, reask=True)
    assert (levels(result), result.asked.n_calls) == (["C", "C"], 1)
    assert "Hm." in (tmp_path / "cache").read_text()  # kept for the record


def test_a_refusal_is_a_reason(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda *_: raw(
        b'{"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",'
        b' "content": null, "refusal": "I would rather not."}}]}'
    )
    result = ask(server, ["x"], tmp_path / "cache")
    assert levels(result) == ["unparseable"]
    assert result.grades[0].reasons["refusal"] == "I would rather not."


def test_nothing_to_judge(server: FakeServer, tmp_path: Path) -> None:
    assert ask(server, [], tmp_path / "cache").grades == []


def test_a_third_of_all_calls_failing(server: FakeServer, tmp_path: Path) -> None:
    """Six kinds of failure, on fixed calls; every explanation is judged once, and the sums are exact."""
    failures = [
        error(429),
        error(500),
        None,
        raw(b"{"),
        completion('{"rationale": "cut', "length"),
        completion("I would say D"),
    ]

    def reply(message: str, earlier: int, body: dict[str, Any]) -> Reply:
        number = int(message)
        return failures[number // 3 % 6] if number % 3 == 0 and earlier == 0 else level("ABCD"[number % 4])

    server.reply = reply
    result = ask(server, [str(number) for number in range(180)], tmp_path / "cache")
    assert len(result.grades) == 180
    assert levels(result).count("unparseable") == 20  # two of the six kinds, ten times each
    assert None not in levels(result)
    assert all(found in ("unparseable", "ABCD"[number % 4]) for number, found in enumerate(levels(result)))
    assert result.asked.n_calls == 180 + 40
    assert (result.asked.prompt_tokens, result.asked.completion_tokens) == (18_000, 1_260)
