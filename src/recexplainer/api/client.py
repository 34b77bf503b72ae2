"""Chat requests to one or many endpoints: bounded, patient, resumable, and never paid twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recexplainer.api.asking import Asking
from recexplainer.api.budget import Budget
from recexplainer.api.cache import AnswerCache
from recexplainer.api.endpoints import read_endpoints
from recexplainer.api.request import ApiSettings, Messages, request_key
from recexplainer.errors import InputError


@dataclass(frozen=True)
class Answers:
    """What came back, in the order of the requests, and what it took.

    Attributes:
        answers: `content`, `finish_reason`, … of each request; None where no answer came.
        errors: Why, where no answer came; "" elsewhere.
        keys: Under which each request's answer stands in the cache.
        prompt_tokens: Of the answers, as the servers counted them, those of earlier runs included.
        completion_tokens: Likewise.
        n_calls: Requests of this run, repeated ones included.
        n_from_cache: Distinct requests that earlier runs had answered.
        cost: Money of this run; None where the prices are unknown.
    """

    answers: list[dict[str, Any] | None]
    errors: list[str]
    keys: list[str]
    prompt_tokens: int
    completion_tokens: int
    n_calls: int
    n_from_cache: int
    cost: float | None


def ask(
    requests: Sequence[Messages],
    settings: ApiSettings,
    cache: AnswerCache,
    response_format: dict[str, Any] | None,
    n_repeats: int = 1,
) -> Answers:
    """Ask for an answer to each request, but for what the cache answers already.

    The work is spread over the environment's endpoints. 429 and an endpoint that cannot be reached make that
    endpoint rest; 5xx, time-outs, broken connections and answers that are no JSON make the request wait. What
    then still fails has no answer and is asked again by the next run. An endpoint that refuses its key, has no
    such model or stays out of reach is set aside.

    Args:
        requests: Chat messages; equal ones are asked once.
        settings: Model and bounds.
        cache: The answers of earlier runs; new ones are added.
        response_format: The JSON schema of an answer; a server that does not take one is asked without. None: text.
        n_repeats: How often each is asked, with the next seed each time: the result holds the answers of the
            first time, then those of the second, ….

    Raises:
        InputError: No key, no endpoint is left, nothing was answered (but for a rest: fewer than the cache answers,
            or refused), or `max_calls` or `max_cost` does not suffice. What was answered until then is in the cache.
    """
    endpoints = read_endpoints(settings.base_url, settings.model, os.environ, settings.section)
    budget = Budget(
        settings.max_calls, settings.max_cost, settings.prices, settings.max_answer_tokens, settings.section
    )
    questions = [(messages, settings.seed + repeat) for repeat in range(n_repeats) for messages in requests]
    keys = [request_key(messages, replace(settings, seed=seed)) for messages, seed in questions]
    missing = {key: question for key, question in zip(keys, questions, strict=True) if cache.get(key) is None}
    n_from_cache = len(set(keys)) - len(missing)
    asking = Asking(endpoints, settings, cache, budget, response_format)
    if missing:
        asking.run(missing)
    n_failed = len(asking.errors)
    is_a_rest = n_from_cache > n_failed or (n_from_cache > 0 and asking.n_refused == n_failed)
    if missing and n_failed == len(missing) and not is_a_rest:
        last = next(reversed(asking.errors.values()))
        raise InputError(f"{settings.section}: no request was answered; the last error: {last}")
    distinct = [cache.get(key) or {} for key in dict.fromkeys(keys)]
    return Answers(
        [cache.get(key) for key in keys],
        [asking.errors.get(key, "") for key in keys],
        keys,
        prompt_tokens=sum(answer.get("prompt_tokens") or 0 for answer in distinct),
        completion_tokens=sum(answer.get("completion_tokens") or 0 for answer in distinct),
        n_calls=budget.n_calls,
        n_from_cache=n_from_cache,
        cost=None if settings.prices is None else budget.spent,
    )
