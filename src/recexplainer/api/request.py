"""A request: what a model is asked, how, and the key under which its answer is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from recexplainer.core.errors import InputError
from recexplainer.core.settings.api import ApiModel

MAX_ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.5

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
        chosen: A section of params.yaml, which names the model and the bounds; messages name it.
        seed: Sent with each request; servers that know it answer the same again.
        max_attempts: Most tries of one request.
        first_wait_seconds: Before the second try; it doubles with each further one, unless the server says
            how long.
    """

    chosen: ApiModel
    seed: int
    max_attempts: int = field(default_factory=lambda: MAX_ATTEMPTS)
    first_wait_seconds: float = field(default_factory=lambda: FIRST_WAIT_SECONDS)

    def __post_init__(self) -> None:
        """Check that a model is named.

        Raises:
            InputError: The section names none.
        """
        if not self.chosen.model:
            raise InputError(f"params: {self.chosen.section}.model must name the server's model")

    @property
    def model(self) -> str:
        """The model's name; an endpoint may have its own for it (ENGINE)."""
        return str(self.chosen.model)

    @property
    def prices(self) -> Prices | None:
        """None: unknown, and nothing is said about money."""
        prompt = self.chosen.price_per_million_prompt_tokens
        completion = self.chosen.price_per_million_completion_tokens
        return None if prompt is None or completion is None else Prices(prompt, completion)

    def options(self, response_format: dict[str, Any] | None, seed: int) -> dict[str, Any]:
        """The options of a request to an endpoint that takes them all."""
        return {
            "temperature": 0,
            "max_tokens": self.chosen.max_answer_tokens,
            "seed": seed,
            **({"response_format": response_format} if response_format else {}),
            **({"reasoning_effort": self.chosen.reasoning_effort} if self.chosen.reasoning_effort else {}),
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
