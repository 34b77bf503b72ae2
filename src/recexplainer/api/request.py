"""A request: what a model is asked, how, and the key under which its answer is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from recexplainer.api.budget import Prices

Messages = list[dict[str, str]]
Question = tuple[Messages, int]  # what is asked, and with which seed


@dataclass(frozen=True)
class ApiSettings:
    """How a model is asked.

    Attributes:
        base_url: Up to and with "/v1"; None: as the environment says, or OpenAI.
        model: The model's name; an endpoint may have its own for it (ENGINE).
        seed: Sent with each request; servers that know it answer the same again.
        max_calls: Most requests of one run, repeated ones included.
        concurrency: Most requests at the same time, of each endpoint.
        max_answer_tokens: Longest answer.
        max_attempts: Most tries of one request.
        timeout_seconds: Of one try.
        first_wait_seconds: Before the second try; it doubles with each further one, unless the server says
            how long.
        prices: None: unknown, and nothing is said about money.
        max_cost: Most money of one run, in the prices' currency; None: no bound.
        section: Of params.yaml, where the model and the bounds stand: what is said names it.
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
    prices: Prices | None = None
    max_cost: float | None = None
    section: str = "judge"


def request_key(messages: Messages, settings: ApiSettings) -> str:
    """A hash of all that decides an answer: server, model, messages, sampling. No credential is part of
    it, nor which endpoint answers.
    """
    asked = {
        "base_url": (settings.base_url or "").rstrip("/"),
        "model": settings.model,
        "messages": messages,
        "sampling": {"temperature": 0, "seed": settings.seed, "max_tokens": settings.max_answer_tokens},
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
