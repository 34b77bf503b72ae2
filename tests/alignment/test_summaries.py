from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recexplainer.alignment.building import build_examples
from recexplainer.alignment.summaries import INSTRUCTIONS, summary_messages, write_summaries
from recexplainer.api.cache import AnswerCache
from recexplainer.api.request import ApiSettings
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from tests import tiny
from tests.api.fake_server import FakeServer, Reply, completion, error, raw

COMMON = {"Video Games"}


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), [], tiny.mf())
    return list(build_examples(*given, tiny.settings().build_alignment, seed=1)[0])


def write(server: FakeServer, examples: list[Example], cache: Path, *more: str) -> Any:
    settings = tiny.settings(f"summaries.base_url={server.base_url}", "summaries.model=some-writer", *more)
    given = ApiSettings(settings.summaries, 7)
    with AnswerCache(cache) as answers:
        return write_summaries(examples, tiny.catalogue(), given, answers, settings.summaries.max_failed)


def summary(message: str, *_: Any) -> Reply:
    """A summary that tells which history it is of."""
    return completion(f"This user likes {message.splitlines()[1][2:]}\n and more. ")


def test_without_it_the_rule_writes_and_says_so(examples: list[Example]) -> None:
    assert {example.author for example in examples if example.task == "user_summary"} == {"catalogue"}


def test_what_is_asked() -> None:
    system, user = summary_messages([1, 6, 2], tiny.catalogue(), COMMON)
    assert system == {"role": "system", "content": INSTRUCTIONS}
    assert user["content"].splitlines() == [
        "History, oldest first:",
        "- Rust (Wolf Works, Orbit, Puzzle)",
        "- Slot <item> Machine (Nova, Racing)",
        "- Rust II (Nova, Horror)",
    ]


def test_each_history_of_training_and_validation_is_summarised_once(
    server: FakeServer, examples: list[Example], tmp_path: Path
) -> None:
    server.reply = summary
    written, records, found = write(server, examples, tmp_path / "cache")
    pairs = {(e.user_id, e.position): e for e in examples if e.user_id and e.split != "test"}
    assert {(example.user_id, example.position) for example in written} == set(pairs)
    for example in written:
        twin = pairs[example.user_id, example.position]
        assert (example.history, example.vector_row, example.split) == (twin.history, twin.vector_row, twin.split)
        first = summary_messages(twin.history, tiny.catalogue(), COMMON)[1]["content"].splitlines()[1][2:]
        assert example.answer == f"This user likes {first} and more."
        assert (example.task, example.author) == ("user_summary", "some-writer")
        assert example.answers() == [(example, 1.0)]
    assert "response_format" not in server.bodies[0] and server.bodies[0]["model"] == "some-writer"
    assert found.n_calls == server.asked.total() <= len(pairs) == len(records)
    lines = [json.loads(line) for line in (tmp_path / "cache").read_text().splitlines()]
    assert {record["request_sha256"] for record in records} == {line["key"] for line in lines}
    assert records[0]["summary"] == written[0].answer and records[0]["error"] is None
    assert (records[0]["prompt_tokens"], records[0]["completion_tokens"], records[0]["cost"]) == (100, 7, None)


def test_a_bound_ends_the_run_and_the_next_one_asks_only_what_is_missing(
    server: FakeServer, examples: list[Example], tmp_path: Path
) -> None:
    prices = ["price_per_million_prompt_tokens=1000", "price_per_million_completion_tokens=0"]
    bounds = [f"summaries.{bound}" for bound in (*prices, "concurrency=1")]
    server.reply = lambda message, earlier, body: error(500) if server.asked.total() % 2 == 0 else summary(message)
    n = len({tuple(e.history) for e in examples if e.task == "next_item_retrieval" and e.split != "test"})
    with pytest.raises(InputError, match=rf"summaries.max_calls \({n}\) is exhausted after \d+ answers"):
        write(server, examples, tmp_path / "cache", *bounds, f"summaries.max_calls={n}")
    n_kept = len((tmp_path / "cache").read_text().splitlines())
    assert 0 < n_kept < n
    server.reply = summary
    written, records, found = write(server, examples, tmp_path / "cache", *bounds)
    assert (found.n_calls, found.n_from_cache) == (n - n_kept, n_kept)
    assert len(written) == len(records)
    assert found.cost == pytest.approx((n - n_kept) * 0.1) and records[0]["cost"] == pytest.approx(0.1)
    assert write(server, examples, tmp_path / "cache", *bounds)[2].n_calls == 0


def test_what_is_no_summary_is_recorded_and_not_taught(
    server: FakeServer, examples: list[Example], tmp_path: Path
) -> None:
    asked = [e for e in examples if e.task == "next_item_retrieval" and e.split == "train"][:6]
    refusal = b'{"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", '
    replies: list[Reply] = [
        completion("This user likes"),
        completion("This user li", "length"),
        completion(None, "content_filter"),
        completion(" \n"),
        error(500, "out of order"),
        raw(refusal + b'"content": null, "refusal": "I would rather not."}}]}'),
    ]
    keys = {summary_messages(e.history, tiny.catalogue(), COMMON)[1]["content"]: n for n, e in enumerate(asked)}
    assert len(keys) == 6
    server.reply = lambda message, *_: replies[keys[message]]
    written, records, _ = write(server, asked, tmp_path / "cache", "summaries.max_failed=0.9")
    assert [example.answer for example in written] == ["This user likes"]
    assert [record["error"] for record in records] == [
        None,
        "the answer ended by length",
        "the answer ended by content_filter",
        "the answer is empty (finish_reason 'stop')",
        "HTTP 500: out of order",
        "refused: I would rather not.",
    ]
    assert [record["summary"] for record in records[1:]] == [None] * 5
    server.reply = summary
    again, _, found = write(server, asked, tmp_path / "cache", "summaries.max_failed=0.9")
    assert (len(again), found.n_calls) == (3, 2)  # what was never answered is asked again


def test_thinking_is_not_taught_and_is_given_room(server: FakeServer, examples: list[Example], tmp_path: Path) -> None:
    asked = [e for e in examples if e.task == "next_item_retrieval" and e.split == "train"][:1]
    server.reply = lambda *_: completion("<think>Puzzles, or racing?</think>\nThis user likes puzzles.")
    more = ("summaries.max_answer_tokens=4000", "summaries.reasoning_effort=low")
    written, _, _ = write(server, asked, tmp_path / "cache", *more)
    assert [example.answer for example in written] == ["This user likes puzzles."]
    assert (server.bodies[0]["max_tokens"], server.bodies[0]["reasoning_effort"]) == (4000, "low")


def test_too_many_failures_end_the_run_and_keep_what_was_answered(
    server: FakeServer, examples: list[Example], tmp_path: Path
) -> None:
    server.reply = lambda message, *_: error(500) if "Amber Garden" in message else summary(message)
    with pytest.raises(InputError, match=r"summaries: [45] of 16 histories have no summary, .* max_failed; .*500"):
        write(server, examples, tmp_path / "cache", "summaries.max_failed=0.2")
    n_kept = len((tmp_path / "cache").read_text().splitlines())
    server.reply = summary
    found = write(server, examples, tmp_path / "cache", "summaries.max_failed=0")[2]
    assert found.n_from_cache == n_kept > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("max_failed=1", "summaries.max_failed must be below 1, not 1"),
        ("author=human", "summaries.author must be one of catalogue, api"),
        ("concurrency=0", "summaries.concurrency must be at least 1"),
        ("max_cost=1", "summaries.max_cost must be null where the prices are null"),
        ("price_per_million_prompt_tokens=1", "must be set for both kinds of token"),
    ],
)
def test_bad_settings_are_one_clear_line(change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny.settings(f"summaries.{change}")
