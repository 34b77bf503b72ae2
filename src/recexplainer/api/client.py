"""Chat requests to one or many endpoints: bounded, patient, resumable, and never paid twice."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from recexplainer.api.budget import Budget
from recexplainer.api.cache import AnswerCache
from recexplainer.api.dialect import KnownDialects
from recexplainer.api.dispatcher import Dispatcher
from recexplainer.api.endpoints import Endpoint, read_endpoints
from recexplainer.api.reading import is_cut
from recexplainer.api.request import ApiSettings, Messages, Question, request_key
from recexplainer.core.errors import InputError


@dataclass(frozen=True)
class Answers:
    """What came back, in the order of the requests, and what it took.

    Attributes:
        answers: `content`, `finish_reason`, … of each request; None where no answer came.
        errors: Why, where no answer came; "" elsewhere.
        keys: Of each request's answer in the cache.
        prompt_tokens: Of the answers, as the servers counted them, those of earlier runs included.
        completion_tokens: Likewise.
        n_calls: Requests of this run, repeated ones included.
        n_from_cache: Distinct requests that earlier runs had answered.
        cost: Money of this run; None where the prices are unknown.
        answered_by: How many distinct requests each model answered, by the servers' word.
    """

    answers: list[dict[str, Any] | None]
    errors: list[str]
    keys: list[str]
    prompt_tokens: int
    completion_tokens: int
    n_calls: int
    n_from_cache: int
    cost: float | None
    answered_by: dict[str, int]

    def costs(self) -> dict[str, float]:
        """What the answers took, as metrics of a run."""
        spent = {} if self.cost is None else {"cost": self.cost}
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "n_calls": self.n_calls,
            "n_from_cache": self.n_from_cache,
            **spent,
        }


def ask(
    requests: Sequence[Messages],
    settings: ApiSettings,
    cache: AnswerCache,
    response_format: dict[str, Any] | None,
    n_repeats: int = 1,
    counts: Callable[[dict[str, Any]], bool] | None = None,
) -> Answers:
    """Ask for an answer to each request, but for what the cache answers already.

    The work is spread over the environment's endpoints. Each is asked one request at a time until it has answered:
    what it refuses of a request is left out from then on. An endpoint that is busy, is loading its model or cannot be
    reached rests; other 5xx, time-outs, broken connections and answers that are not JSON make the request wait. What
    then still fails has no answer and is asked again by the next run. An endpoint that refuses its key, has no
    such model or stays silent for longer than the patience is set aside.

    Args:
        requests: Chat messages; equal ones are asked once.
        settings: Model and bounds.
        cache: The answers of earlier runs; new ones are added.
        response_format: The JSON schema of an answer; a server that does not take one is asked for a JSON object, or in
            words alone. None: text.
        n_repeats: How often each is asked, with the next seed each time: the result holds the answers of the
            first time, then those of the second, ….
        counts: Whether an answer in the cache is used; one that is not is asked for again. None: all are.

    Raises:
        InputError: No key, no endpoint is left, nothing was answered (but for a rest: fewer than the cache answers,
            or refused), or `max_calls` or `max_cost` does not suffice. What was answered until then is in the cache.
    """
    endpoints = read_endpoints(settings.chosen.base_url, settings.model, os.environ, settings.chosen.section)
    budget = Budget(settings)
    questions = [Question(messages, settings.seed + repeat) for repeat in range(n_repeats) for messages in requests]
    distinct = {question.id: question for question in questions}
    candidates = {
        id_: list(_keys(question, settings, response_format, endpoints, cache)) for id_, question in distinct.items()
    }
    keys = {id_: key for id_, tried in candidates.items() if (key := _answered(tried, cache, counts)) is not None}
    n_from_cache = len(keys)
    missing = [question for id_, question in distinct.items() if id_ not in keys]
    dispatcher = Dispatcher(endpoints, settings, cache, budget, response_format)
    if missing:
        dispatcher.run(missing)
    n_failed = len(dispatcher.errors)
    is_a_rest = n_from_cache > n_failed or (n_from_cache > 0 and dispatcher.n_refused == n_failed)
    if missing and n_failed == len(missing) and not is_a_rest:
        last = next(reversed(dispatcher.errors.values()))
        raise InputError(f"{settings.chosen.section}: no request was answered; the last error: {last}")
    keys |= dispatcher.keys
    found = {id_: cache.get(key) or {} for id_, key in keys.items()}
    _tell_of_cut(list(found.values()), settings)
    return Answers(
        [found.get(question.id) for question in questions],
        [dispatcher.errors.get(question.id, "") for question in questions],
        [keys.get(question.id, candidates[question.id][0]) for question in questions],
        prompt_tokens=sum(answer.get("prompt_tokens") or 0 for answer in found.values()),
        completion_tokens=sum(answer.get("completion_tokens") or 0 for answer in found.values()),
        n_calls=budget.n_calls,
        n_from_cache=n_from_cache,
        cost=None if settings.prices is None else budget.spent,
        answered_by=dict(Counter(answered_by(answer) for answer in found.values())),
    )


def answered_by(answer: dict[str, Any]) -> str:
    """The model that gave an answer, by its server's word; else the name by which it was asked."""
    return answer.get("model") or answer["engine"]


def _keys(
    question: Question,
    settings: ApiSettings,
    response_format: dict[str, Any] | None,
    endpoints: Sequence[Endpoint],
    cache: AnswerCache,
) -> Iterator[str]:
    """The keys that an answer may have: of each engine that may be asked now, in each dialect known of it."""
    wanted, known = settings.options(response_format, question.seed), KnownDialects(cache)
    for engine in dict.fromkeys(endpoint.model for endpoint in endpoints):
        for dialect in known.all_of(engine):
            yield request_key(question, settings.chosen.base_url, engine, dialect.options(wanted))


def _answered(keys: Sequence[str], cache: AnswerCache, counts: Callable[[dict[str, Any]], bool] | None) -> str | None:
    """The first of several keys with an answer that counts."""
    return next(
        (key for key in keys if (answer := cache.get(key)) is not None and (counts is None or counts(answer))), None
    )


def _tell_of_cut(answers: Sequence[dict[str, Any]], settings: ApiSettings) -> None:
    """Say how many answers ended at the longest that they might be."""
    n_cut = sum(map(is_cut, answers))
    if n_cut:
        where = f"{settings.chosen.section}.max_answer_tokens ({settings.chosen.max_answer_tokens})"
        line = f"{n_cut} of {len(answers)} answers were cut at {where}; models that think need thousands"
        print(f"{settings.chosen.section}: {line}", file=sys.stderr)
