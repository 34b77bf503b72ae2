"""Chat requests to one or many endpoints: bounded, patient, resumable, and never paid twice."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import openai

from recexplainer.errors import InputError
from recexplainer.judging.budget import Budget, Prices
from recexplainer.judging.cache import AnswerCache
from recexplainer.judging.endpoints import Endpoint, Secrets, read_endpoints
from recexplainer.judging.failures import (
    LONGEST_WAIT_SECONDS,
    Failure,
    Kind,
    is_free,
    read_answer,
    refused_option,
    sort_failure,
)

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
    asking = _Asking(endpoints, settings, cache, budget, response_format)
    if missing:
        _say(settings, budget.check([messages, response_format] for messages, _ in missing.values()))
        try:
            asyncio.run(asking.ask_all(missing))
        finally:
            _say(settings, asking.summary())
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


def _say(settings: ApiSettings, line: str) -> None:
    print(f"{settings.section}: {line}", file=sys.stderr)


class _Server:
    """An endpoint in use: its requests under way, its rest, and the options that it does not take."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float, secrets: Secrets) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client(timeout_seconds, secrets)
        url = self.client.base_url
        self.address = f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path}"
        self.name = f"{self.address} ({endpoint.suffix[1:]})" if endpoint.suffix else self.address
        self.is_set_aside = False
        self.refused_options: set[str] = set()
        self.n_open = 0
        self.n_calls = 0
        self.rests_until = 0.0
        self.n_unreachable = 0  # in a row
        self._n_rests = 0  # in a row
        self._rested_at = float("-inf")

    def rest(self, wait_seconds: float | None, first_wait_seconds: float, began: float) -> bool:
        """Send nothing for a while; whether a new rest begins, as opposed to the one that goes on.

        Requests that were under way together fail together: those count once.
        """
        now = asyncio.get_running_loop().time()
        begins = began >= self._rested_at
        if begins:
            self._n_rests += 1
            self._rested_at = now
        if wait_seconds is None:
            wait_seconds = min(first_wait_seconds * 2 ** (self._n_rests - 1), LONGEST_WAIT_SECONDS)
        self.rests_until = max(self.rests_until, now + wait_seconds)
        return begins

    def answered(self) -> None:
        """Forget the rests before."""
        self._n_rests = self.n_unreachable = 0

    async def send(self, messages: Messages, options: dict[str, Any]) -> Any:
        """One request, with the options that the server takes."""
        return await self.client.chat.completions.create(
            model=self.endpoint.model,
            messages=messages,  # type: ignore[arg-type]
            **options,
        )


class _Asking:
    """One run over the missing requests. `errors` holds, by key, why a request has no answer."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        settings: ApiSettings,
        cache: AnswerCache,
        budget: Budget,
        response_format: dict[str, Any] | None,
    ) -> None:
        self._endpoints = endpoints
        self._settings = settings
        self._cache = cache
        self._budget = budget
        self._secrets = Secrets()
        self._servers: list[_Server] = []
        self._ended: InputError | None = None
        self._options: dict[str, Any] = {
            "temperature": 0,
            "max_tokens": settings.max_answer_tokens,
            **({"response_format": response_format} if response_format else {}),
        }
        self.n_answers = 0
        self.n_refused = 0
        self.errors: dict[str, str] = {}

    async def ask_all(self, missing: dict[str, Question]) -> None:
        """Ask everything, a few at a time; an InputError ends it once the requests in flight are back."""
        queue = iter(missing.items())
        self._changed = asyncio.Event()  # an endpoint has become free, or the run ends
        self._end = asyncio.Event()

        async def work() -> None:
            for key, question in queue:  # shared by the workers: each request is taken once
                await self._ask(key, question)

        async with contextlib.AsyncExitStack() as stack:
            for endpoint in self._endpoints:
                self._servers.append(_Server(endpoint, self._settings.timeout_seconds, self._secrets))
                await stack.enter_async_context(self._servers[-1].client)
            n_workers = min(self._settings.concurrency * len(self._servers), len(missing))
            await asyncio.gather(*(work() for _ in range(n_workers)))
        if self._ended is not None:
            raise self._ended

    def summary(self) -> str:
        """What the run has taken, as a line."""
        line = f"{self._budget.n_calls} request(s) sent, {self.n_answers} answered, {len(self.errors)} failed"
        return line if self._settings.prices is None else f"{line}, {self._budget.spent:.4g} spent"

    async def _ask(self, key: str, question: Question) -> None:
        n_attempts = 0
        while n_attempts < self._settings.max_attempts:
            server = await self._free_server()
            if server is None:
                return
            began = asyncio.get_running_loop().time()
            try:
                answer = await self._call(server, question)
            except Failure as failure:
                self.errors[key] = str(failure)
                if failure.kind is Kind.REFUSED:
                    self.n_refused += 1
                    return
                n_attempts += failure.kind in (Kind.AGAIN, Kind.BUSY)  # the others are the endpoint's fault
                await self._react(server, failure, began, n_attempts)
            except InputError as error:
                self._finish(error)
            else:
                self._cache.put(key, answer | self._budget.price(answer))
                self.n_answers += 1
                self.errors.pop(key, None)
                server.answered()
                return

    async def _free_server(self) -> _Server | None:
        """Wait for the least busy endpoint that neither rests nor is set aside; None when the run has ended."""
        while self._ended is None:
            now = asyncio.get_running_loop().time()
            limit = self._settings.concurrency
            open_ = [server for server in self._servers if not server.is_set_aside and server.n_open < limit]
            ready = [server for server in open_ if server.rests_until <= now]
            if ready:
                server = min(ready, key=lambda server: (server.n_open, server.n_calls))
                server.n_open += 1
                return server
            self._changed.clear()
            await _wait(self._changed, min((server.rests_until - now for server in open_), default=None))
        return None

    async def _react(self, server: _Server, failure: Failure, began: float, n_attempts: int) -> None:
        first_wait = self._settings.first_wait_seconds
        if failure.kind is not Kind.UNREACHABLE:
            server.n_unreachable = 0
        if failure.kind is Kind.AGAIN:
            if n_attempts < self._settings.max_attempts:
                await _wait(self._end, min(first_wait * 2 ** (n_attempts - 1), LONGEST_WAIT_SECONDS))
        elif failure.kind is Kind.DEAD:
            self._set_aside(server, str(failure))
        elif server.rest(failure.wait_seconds, first_wait, began) and failure.kind is Kind.UNREACHABLE:
            server.n_unreachable += 1
            if server.n_unreachable >= self._settings.max_attempts:
                self._set_aside(server, str(failure))

    def _set_aside(self, server: _Server, why: str) -> None:
        if server.is_set_aside:
            return
        server.is_set_aside = True
        n_left = sum(not other.is_set_aside for other in self._servers)
        if n_left:
            _say(self._settings, f"{server.name} is set aside: {why}; {n_left} other(s) go on")
        else:
            self._finish(InputError(f"{self._settings.section}: no endpoint is left: {why}"))

    def _finish(self, error: InputError) -> None:
        self._ended = self._ended or error
        self._changed.set()
        self._end.set()

    async def _call(self, server: _Server, question: Question) -> dict[str, Any]:
        """One request and its answer; sent anew without an option that the server does not know."""
        messages, seed = question
        wanted = self._options | {"seed": seed}
        try:
            while True:
                options = {name: value for name, value in wanted.items() if name not in server.refused_options}
                if "max_tokens" in server.refused_options:
                    options["max_completion_tokens"] = self._options["max_tokens"]
                try:
                    return await self._paid(server, messages, options)
                except openai.APIStatusError as error:
                    option = refused_option(error, options)
                    if option is None:
                        raise sort_failure(error, self._settings.timeout_seconds, server, self._secrets) from None
                    if option not in server.refused_options:
                        server.refused_options.add(option)
                        _say(self._settings, f"{server.name} does not take {option}, and is asked without")
        finally:
            server.n_open -= 1
            self._changed.set()

    async def _paid(self, server: _Server, messages: Messages, options: dict[str, Any]) -> dict[str, Any]:
        """One request within the budget, which is told what it took."""
        most = self._budget.take([messages, options.get("response_format")], self.n_answers)
        server.n_calls += 1
        answer, free = None, False
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):  # the SDK's own is per read
                answer = read_answer(await server.send(messages, options), self._secrets)
            return answer
        except openai.APIStatusError as error:
            free = is_free(error)
            raise
        except Exception as error:
            failure = sort_failure(error, self._settings.timeout_seconds, server, self._secrets)
            free = is_free(error, failure)
            raise failure from None
        finally:
            self._budget.settle(most, answer, free)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Until the event, or for so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
