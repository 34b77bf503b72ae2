"""One run over the requests that have no answer yet: they are spread, repeated, given up, and their answers kept."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import openai

from recexplainer.api.budget import Budget
from recexplainer.api.cache import AnswerCache
from recexplainer.api.endpoints import Endpoint, Secrets
from recexplainer.api.failures import Failure, Kind, is_free, read_answer, refused_option, sort_failure
from recexplainer.api.request import ApiSettings, Messages, Question
from recexplainer.api.server import LONGEST_WAIT_SECONDS, Server
from recexplainer.errors import InputError


class Asking:
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
        self._servers: list[Server] = []
        self._ended: InputError | None = None
        self._response_format = response_format
        self._options: dict[str, Any] = {
            "temperature": 0,
            "max_tokens": settings.max_answer_tokens,
            **({"response_format": response_format} if response_format else {}),
        }
        self.n_answers = 0
        self.n_refused = 0
        self.errors: dict[str, str] = {}

    def run(self, missing: dict[str, Question]) -> None:
        """Ask everything; before it the estimate is said, after it, however it ends, what was taken.

        Raises:
            InputError: The bounds do not suffice, or no endpoint is left.
        """
        self._say(self._budget.check([messages, self._response_format] for messages, _ in missing.values()))
        try:
            asyncio.run(self._ask_all(missing))
        finally:
            self._say(self._summary())

    async def _ask_all(self, missing: dict[str, Question]) -> None:
        """Ask everything, a few at a time; an InputError ends it once the requests in flight are back."""
        queue = iter(missing.items())
        self._changed = asyncio.Event()  # an endpoint has become free, or the run ends
        self._end = asyncio.Event()

        async def work() -> None:
            for key, question in queue:  # shared by the workers: each request is taken once
                await self._ask(key, question)

        async with contextlib.AsyncExitStack() as stack:
            for endpoint in self._endpoints:
                self._servers.append(Server(endpoint, self._settings.timeout_seconds, self._secrets))
                await stack.enter_async_context(self._servers[-1].client)
            n_workers = min(self._settings.concurrency * len(self._servers), len(missing))
            await asyncio.gather(*(work() for _ in range(n_workers)))
        if self._ended is not None:
            raise self._ended

    def _summary(self) -> str:
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

    async def _free_server(self) -> Server | None:
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

    async def _react(self, server: Server, failure: Failure, began: float, n_attempts: int) -> None:
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

    def _set_aside(self, server: Server, why: str) -> None:
        if server.is_set_aside:
            return
        server.is_set_aside = True
        n_left = sum(not other.is_set_aside for other in self._servers)
        if n_left:
            self._say(f"{server.name} is set aside: {why}; {n_left} other(s) go on")
        else:
            self._finish(InputError(f"{self._settings.section}: no endpoint is left: {why}"))

    def _finish(self, error: InputError) -> None:
        self._ended = self._ended or error
        self._changed.set()
        self._end.set()

    def _say(self, line: str) -> None:
        print(f"{self._settings.section}: {line}", file=sys.stderr)

    async def _call(self, server: Server, question: Question) -> dict[str, Any]:
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
                        self._say(f"{server.name} does not take {option}, and is asked without")
        finally:
            server.n_open -= 1
            self._changed.set()

    async def _paid(self, server: Server, messages: Messages, options: dict[str, Any]) -> dict[str, Any]:
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
