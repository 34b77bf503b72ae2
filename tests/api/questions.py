"""What the client's tests ask of a fake server: for a level, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recexplainer.api import client
from recexplainer.api.cache import AnswerCache
from recexplainer.api.client import Answers
from recexplainer.api.request import ApiSettings, Question, request_key

FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "verdict", "strict": True, "schema": {"type": "object", "required": ["level"]}},
}


def settings_for(base_url: str | None, **changes: Any) -> ApiSettings:
    values: dict[str, Any] = {
        "base_url": base_url, "model": "judge", "seed": 7, "max_calls": 1000, "concurrency": 4,
        "max_answer_tokens": 100, "max_attempts": 4, "timeout_seconds": 5.0, "first_wait_seconds": 0.01,
        "patience_seconds": 5.0,
    }  # fmt: skip
    return ApiSettings(**(values | changes))


def key_of(text: str, settings: ApiSettings) -> str:
    """Where the answer of an endpoint stands that takes all options."""
    question = Question([{"role": "user", "content": text}], settings.seed)
    return request_key(question, settings.base_url, settings.model, settings.options(FORMAT, settings.seed))


def ask(texts: list[str], cache: Path, settings: ApiSettings) -> Answers:
    with AnswerCache(cache) as answers:
        return client.ask([[{"role": "user", "content": text}] for text in texts], settings, answers, FORMAT)


def levels(found: Answers) -> list[str | None]:
    """The level that stands in each answer; None where no answer came."""
    return [None if answer is None else json.loads(answer["content"])["level"] for answer in found.answers]
