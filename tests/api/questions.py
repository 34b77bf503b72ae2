"""What the client's tests ask of a fake server: for a level, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recexplainer.api import client
from recexplainer.api.cache import AnswerCache
from recexplainer.api.client import Answers
from recexplainer.api.request import ApiSettings, Prices, Question, request_key
from recexplainer.core.settings import ApiModel

FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "verdict", "strict": True, "schema": {"type": "object", "required": ["level"]}},
}


class Section(ApiModel):
    """A section of parameters that names a model; it is called as the judge's."""

    section = "judge"


def settings_for(base_url: str | None, **changes: Any) -> ApiSettings:
    """How the tests ask; `prices` are of both kinds of token."""
    prices: Prices | None = changes.pop("prices", None)
    how = {"seed": 7, "max_attempts": 4, "first_wait_seconds": 0.01}
    values: dict[str, Any] = {
        "base_url": base_url, "model": "judge", "max_calls": 1000, "max_cost": None, "concurrency": 4,
        "price_per_million_prompt_tokens": prices and prices.prompt,
        "price_per_million_completion_tokens": prices and prices.completion,
        "max_answer_tokens": 100, "timeout_seconds": 5.0, "patience_seconds": 5.0, "reasoning_effort": None,
    }  # fmt: skip
    how |= {name: changes.pop(name) for name in how.keys() & changes.keys()}
    return ApiSettings(Section(**(values | changes)), **how)


def key_of(text: str, settings: ApiSettings) -> str:
    """Where the answer of an endpoint stands that takes all options."""
    question = Question([{"role": "user", "content": text}], settings.seed)
    return request_key(question, settings.chosen.base_url, settings.model, settings.options(FORMAT, settings.seed))


def ask(texts: list[str], cache: Path, settings: ApiSettings) -> Answers:
    with AnswerCache(cache) as answers:
        return client.ask([[{"role": "user", "content": text}] for text in texts], settings, answers, FORMAT)


def levels(found: Answers) -> list[str | None]:
    """The level that stands in each answer; None where no answer came."""
    return [None if answer is None else json.loads(answer["content"])["level"] for answer in found.answers]
