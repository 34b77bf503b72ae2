"""A language model as judge, behind one or many servers that speak the OpenAI protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recexplainer.api.cache import AnswerCache
from recexplainer.api.client import Answers, ask
from recexplainer.api.request import ApiSettings, Messages
from recexplainer.judging.grade import FAILED, Grade
from recexplainer.judging.prompts import ANSWER_SCHEMA, parse_answer


@dataclass(frozen=True)
class ApiResult:
    """All grades, in the order of the requests, and what they took.

    Attributes:
        grades: Of the first round.
        repeats: Of each request the grades of every round, that of `grades` first.
        engines: By whom each of `grades` was given: the model's name at the endpoint; None where nobody answered.
        asked: The answers that they were read from, and what those took.
    """

    grades: list[Grade]
    repeats: list[list[Grade]]
    engines: list[str | None]
    asked: Answers


def judge_by_api(
    requests: Sequence[Messages], settings: ApiSettings, cache: AnswerCache, n_repeats: int = 1, reask: bool = False
) -> ApiResult:
    """Ask for the level of each explanation, but for what the cache answers already.

    A request that gets no answer is `failed`, and asked again by the next run. An answer without a
    level is `unparseable`; it stays in the cache, for the record, and is asked for again only where `reask` says so.

    Args:
        requests: Chat messages, one list per explanation; equal ones are asked once.
        settings: Model and bounds.
        cache: The answers of earlier runs; new ones are added.
        n_repeats: How often each explanation is judged.
        reask: Whether answers without a level are asked for again.

    Raises:
        InputError: No key, no endpoint is left, nothing was answered, or a bound does not suffice. What was
            answered until then is in the cache.
    """
    found = ask(
        requests, settings, cache, ANSWER_SCHEMA, n_repeats, counts=_has_level if reask else lambda answer: True
    )
    grades = [
        Grade(FAILED, {"error": error}) if answer is None else parse_answer(answer)
        for answer, error in zip(found.answers, found.errors, strict=True)
    ]
    n = len(requests)
    engines = [None if answer is None else answer["engine"] for answer in found.answers[:n]]
    return ApiResult(grades[:n], [grades[place::n] for place in range(n)], engines, found)


def _has_level(answer: dict[str, Any]) -> bool:
    return parse_answer(answer).score is not None
