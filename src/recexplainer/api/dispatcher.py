"""One run over the requests that have no answer yet: they are spread, repeated, given up, and their answers kept."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import openai
from tqdm import tqdm

from recexplainer.api.budget import Budget
from recexplainer.api.cache import AnswerCache
from recexplainer.api.dialect import KnownDialects, refused_option
from recexplainer.api.endpoints import Endpoint, Secrets
from recexplainer.api.failures import Failure, Kind, is_free, sort_failure
from recexplainer.api.reading import read_answer
from recexplainer.api.request import ApiSettings, Question, request_key
from recexplainer.api.server import Server, doubling
from recexplainer.core.errors import InputError

_TRIES_OF_EMPTY = 2
_TOLD_SECONDS = 1.0  # shorter rests are not worth a line


class Dispatcher:
    """One run over the missing questions.

    Attributes:
        keys: By a question's id, the key of its answer in the cache.
        errors: By a question's id, why it has no answer.
        n_answers: Of this run.
        n_refused: Questions that no other try can mend.
    """

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
        self._chosen = settings.chosen
        self._cache = cache
        self._known = KnownDialects(cache)
        self._budget = budget
        self._secrets = Secrets()
        self._servers: list[Server] = []
        self._ended: InputError | None = None
        self._response_format = response_format
        self.n_answers = 0
        self.n_refused = 0
        self.keys: dict[str, str] = {}
        self.errors: dict[str, str] = {}

    def run(self, missing: Sequence[Question]) -> None:
        """Ask everything; before it the estimate is said, after it, however it ends, what was taken.

        Raises:
            InputError: The bounds do not suffice, or no endpoint is left.
        """
        self._say(self._budget.check([question.messages, self._response_format] for question in missing))
        try:
            # None: no bar unless stderr is a terminal
            with tqdm(total=len(missing), desc=self._chosen.section, unit="answer", disable=None) as bar:
                asyncio.run(self._ask_all(missing, bar))
        finally:
            self._say(self._summary())

    async def _ask_all(self, missing: Sequence[Question], bar: tqdm) -> None:
        """Ask everything, a few at a time; an InputError ends it once the requests in flight are back."""
        queue = iter(missing)
        self._changed = asyncio.Event()  # an endpoint has become free, or the run ends
        self._end = asyncio.Event()

        async def work() -> None:
            for question in queue:  # shared by the workers: each question is taken once
                await self._ask(question)
                bar.update()

        async with contextlib.AsyncExitStack() as stack:
            for endpoint in self._endpoints:
                self._servers.append(Server(endpoint, self._chosen.timeout_seconds, self._secrets, self._known))
                await stack.enter_async_context(self._servers[-1].client)
            n_workers = min(self._chosen.concurrency * len(self._servers), len(missing))
            await asyncio.gather(*(work() for _ in range(n_workers)))
        if self._ended is not None:
            raise self._ended

    def _summary(self) -> str:
        """What the run has taken, as a line."""
        line = f"{self._budget.n_calls} request(s) sent, {self.n_answers} answered, {len(self.errors)} failed"
        return line if self._settings.prices is None else f"{line}, {self._budget.spent:.4g} spent"

    async def _ask(self, question: Question) -> None:
        """Ask until there is an answer, or no hope of one."""
        tries: Counter[Kind] = Counter()
        first_busy = None
        while (server := await self._free_server()) is not None:
            began = asyncio.get_running_loop().time()
            try:
                key, answer = await self._call(server, question)
            except Failure as failure:
                self.errors[question.id] = str(failure)
                tries[failure.kind] += 1
                self.n_refused += failure.kind is Kind.REFUSED
                if self._is_hopeless(tries):
                    return
                await self._react(server, failure, began, tries.total())
                if failure.kind is Kind.BUSY:
                    first_busy = began if first_busy is None else first_busy
                    if asyncio.get_running_loop().time() - first_busy > self._chosen.patience_seconds:
                        return
            except InputError as error:
                self._finish(error)
            else:
                self._keep(server, question, key, answer)
                return

    def _is_hopeless(self, tries: Counter[Kind]) -> bool:
        return (
            tries[Kind.REFUSED] > 0
            or tries[Kind.EMPTY] >= _TRIES_OF_EMPTY
            or tries[Kind.AGAIN] >= self._settings.max_attempts
        )

    def _keep(self, server: Server, question: Question, key: str, answer: dict[str, Any]) -> None:
        self._cache.put(key, answer | {"engine": server.endpoint.model} | self._budget.price(answer))
        self.keys[question.id] = key
        self.n_answers += 1
        self.errors.pop(question.id, None)
        if not server.has_answered:
            self._known.keep(server.endpoint.model, server.address, server.dialect)
        server.answered()
        self._changed.set()  # from its first answer on it takes several at a time

    async def _free_server(self) -> Server | None:
        """Wait for the least busy endpoint that neither rests nor is set aside; None when the run has ended."""
        while self._ended is None:
            now = asyncio.get_running_loop().time()
            open_ = [server for server in self._servers if server.is_open(self._chosen.concurrency)]
            ready = [server for server in open_ if server.rests_until <= now]
            if ready:
                server = min(ready, key=lambda server: (server.n_open, server.n_calls))
                server.n_open += 1
                return server
            self._changed.clear()
            await _wait(self._changed, min((server.rests_until - now for server in open_), default=None))
        return None

    async def _react(self, server: Server, failure: Failure, began: float, n_tries: int) -> None:
        """Wait, let the endpoint rest, or set it aside."""
        if failure.kind in (Kind.AGAIN, Kind.EMPTY):
            await _wait(self._end, doubling(self._settings.first_wait_seconds, n_tries))
        elif failure.kind is Kind.DEAD:
            self._set_aside(server, str(failure))
        else:
            self._rest(server, failure, began)

    def _rest(self, server: Server, failure: Failure, began: float) -> None:
        patience = self._chosen.patience_seconds
        if not server.rest(failure.wait_seconds, self._settings.first_wait_seconds, patience, began):
            return
        seconds = server.rests_until - asyncio.get_running_loop().time()
        never_there = failure.kind is Kind.UNREACHABLE and not server.has_answered
        if never_there and server.n_rests >= self._settings.max_attempts:
            self._set_aside(server, str(failure))
        elif server.outlasts(patience):
            wants = f"it asks to wait for {seconds:.0f} s, " if seconds > 0 else ""
            self._set_aside(server, f"{failure}; {wants}{self._chosen.section}.patience_seconds is {patience:g}")
        elif seconds >= _TOLD_SECONDS:
            self._say(f"waiting {seconds:.0f} s for {server.name}: {failure}")

    def _set_aside(self, server: Server, why: str) -> None:
        if server.is_set_aside:
            return
        server.is_set_aside = True
        n_left = sum(not other.is_set_aside for other in self._servers)
        if n_left:
            self._say(f"{server.name} is set aside: {why}; {n_left} other(s) continue")
        else:
            self._finish(InputError(f"{self._chosen.section}: no endpoint is left: {why}"))

    def _finish(self, error: InputError) -> None:
        self._ended = self._ended or error
        self._changed.set()
        self._end.set()

    def _say(self, line: str) -> None:
        tqdm.write(f"{self._chosen.section}: {line}", file=sys.stderr)

    async def _call(self, server: Server, question: Question) -> tuple[str, dict[str, Any]]:
        """One question and its answer, with the answer's key; sent again without what the server does not take."""
        wanted = self._settings.options(self._response_format, question.seed)
        try:
            while True:
                options = server.dialect.options(wanted)
                try:
                    answer = await self._paid(server, question, options)
                except openai.APIStatusError as error:
                    option = refused_option(error.status_code, error.response.text, options)
                    if option is None or server.has_answered:
                        raise sort_failure(error, self._chosen.timeout_seconds, server, self._secrets) from None
                    server.dialect, change = server.dialect.without(option)
                    self._say(f"{server.name} {change}")
                else:
                    return request_key(question, self._chosen.base_url, server.endpoint.model, options), answer
        finally:
            server.n_open -= 1
            self._changed.set()

    async def _paid(self, server: Server, question: Question, options: dict[str, Any]) -> dict[str, Any]:
        """One request within the budget, which is told what it took."""
        most = self._budget.take([question.messages, options.get("response_format")], self.n_answers)
        server.n_calls += 1
        counted, free = None, False
        try:
            async with asyncio.timeout(self._chosen.timeout_seconds):  # the SDK's own is per read
                text = await server.send(question.messages, options)
            counted = read_answer(text, server, self._secrets)
            return counted
        except openai.APIStatusError as error:
            free = is_free(error.status_code)
            raise
        except Failure as failure:
            counted, free = failure.counted, failure.is_free
            raise
        except Exception as error:
            sorted_ = sort_failure(error, self._chosen.timeout_seconds, server, self._secrets)
            free = sorted_.is_free
            raise sorted_ from None
        finally:
            self._budget.settle(most, counted, free)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Until the event, or for so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
