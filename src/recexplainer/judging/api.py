"""A language model as judge, behind one or many servers that speak the OpenAI protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recexplainer.api.cache import AnswerCache
from recexplainer.api.client import ask
from recexplainer.api.request import ApiSettings, Messages
from recexplainer.judging.judgement import FAILED, Judgement
from recexplainer.judging.prompts import ANSWER_SCHEMA, parse_answer


@dataclass(frozen=True)
class ApiResult:
    """All judgements, in the order of the requests, and what they took.

    Attributes:
        judgements: Of the first time of asking.
        repeats: Of each request the judgements of every time, that of `judgements` first.
        prompt_tokens: Of the answers, as the servers counted them, those of earlier runs included.
        completion_tokens: Likewise.
        n_calls: Requests of this run, repeated ones included.
        n_from_cache: Distinct requests that earlier runs had answered.
        cost: Money of this run; None where the prices are unknown.
    """

    judgements: list[Judgement]
    repeats: list[list[Judgement]]
    prompt_tokens: int
    completion_tokens: int
    n_calls: int
    n_from_cache: int
    cost: float | None


def judge_by_api(
    requests: Sequence[Messages], settings: ApiSettings, cache: AnswerCache, n_repeats: int = 1
) -> ApiResult:
    """Ask for the level of each explanation, but for what the cache answers already.

    A request that gets no answer is `failed`, and asked again by the next run. A well-formed answer without a
    level is `unparseable`; it stays in the cache, since the same question would bring the same answer.

    Args:
        requests: Chat messages, one list per explanation; equal ones are asked once.
        settings: Model and bounds.
        cache: The answers of earlier runs; new ones are added.
        n_repeats: How often each explanation is judged.

    Raises:
        InputError: No key, no endpoint is left, nothing was answered, or a bound does not suffice. What was
            answered until then is in the cache.
    """
    found = ask(requests, settings, cache, ANSWER_SCHEMA, n_repeats)
    judged = [
        Judgement(FAILED, {"error": error}) if answer is None else _judgement(answer)
        for answer, error in zip(found.answers, found.errors, strict=True)
    ]
    n = len(requests)
    repeats = [judged[place::n] for place in range(n)]
    return ApiResult(
        judged[:n], repeats, found.prompt_tokens, found.completion_tokens, found.n_calls, found.n_from_cache, found.cost
    )


def _judgement(answer: dict[str, Any]) -> Judgement:
    judgement = parse_answer(answer.get("content"))
    if judgement.score is None:
        judgement.reasons.update({name: answer[name] for name in ("finish_reason", "refusal") if name in answer})
    return judgement
