"""A request: what a model is asked, how, and the key under which its answer is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

Messages = list[dict[str, str]]


class Question(NamedTuple):
    """What is asked, and with which seed."""

    messages: Messages
    seed: int

    @property
    def id(self) -> str:
        """Equal for equal questions."""
        return json.dumps(self, ensure_ascii=True)


@dataclass(frozen=True)
class Prices:
    """Money per million tokens, in any one currency."""

    prompt: float
    completion: float

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The money for so many tokens.

        >>> Prices(prompt=2.0, completion=8.0).cost(500_000, 250_000)
        3.0
        """
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


@dataclass(frozen=True)
class ApiSettings:
    """How a model is asked.

    Attributes:
        base_url: Up to and with "/v1"; None: as the environment says, or OpenAI.
        model: The model's name; an endpoint may have its own for it (ENGINE).
        seed: Sent with each request; servers that know it answer the same again.
        max_calls: Most requests of one run, repeated ones included.
        concurrency: Most requests at the same time, of each endpoint.
        max_answer_tokens: Longest answer, thinking included.
        max_attempts: Most tries of one request.
        timeout_seconds: Of one try.
        first_wait_seconds: Before the second try; it doubles with each further one, unless the server says
            how long.
        patience_seconds: How long a server may be busy or loading, in a row, before it is given up.
        reasoning_effort: Of models that think; None: not sent.
        prices: None: unknown, and nothing is said about money.
        max_cost: Most money of one run, in the prices' currency; None: no bound.
        section: Of params.yaml, with the model and the bounds: messages name it.
    """

    base_url: str | None
    model: str
    seed: int
    max_calls: int
    concurrency: int
    max_answer_tokens: int
    max_attempts: int
    timeout_seconds: float
    first_wait_seconds: float
    patience_seconds: float
    reasoning_effort: str | None = None
    prices: Prices | None = None
    max_cost: float | None = None
    section: str = "judge"

    def options(self, response_format: dict[str, Any] | None, seed: int) -> dict[str, Any]:
        """The options of a request to an endpoint that takes them all."""
        return {
            "temperature": 0,
            "max_tokens": self.max_answer_tokens,
            "seed": seed,
            **({"response_format": response_format} if response_format else {}),
            **({"reasoning_effort": self.reasoning_effort} if self.reasoning_effort else {}),
        }


def request_key(question: Question, base_url: str | None, engine: str, options: dict[str, Any]) -> str:
    """A hash of all that decides an answer. No credential is part of it.

    Args:
        question: Its seed counts even where the endpoint does not take one: repeats are answered one by one.
        base_url: Of the parameters; addresses that the environment names do not count.
        engine: The model's name at the endpoint that answers.
        options: As they are sent, in the endpoint's dialect.
    """
    asked = {
        "base_url": (base_url or "").rstrip("/"),
        "model": engine,
        "messages": question.messages,
        "seed": question.seed,
        "options": options,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
