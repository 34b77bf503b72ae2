"""An endpoint in use: who is busy, who rests, and what is sent there."""

from __future__ import annotations

import asyncio
from typing import Any

from recexplainer.api.dialect import KnownDialects
from recexplainer.api.endpoints import Endpoint, Secrets
from recexplainer.api.request import Messages

_LONGEST_WAIT_SECONDS = 60.0  # of our own choosing, not of the server's


def doubling(first_wait_seconds: float, n: int) -> float:
    """How long to wait for the nth time in a row, when the server does not say."""
    return min(first_wait_seconds * 2.0 ** min(n - 1, 30), _LONGEST_WAIT_SECONDS)


class Server:
    """An endpoint in use: its requests under way, its rest, and the dialect that it speaks.

    Until it has answered once it is asked one request at a time, from whose refusals its dialect is learnt.
    """

    def __init__(self, endpoint: Endpoint, timeout_seconds: float, secrets: Secrets, known: KnownDialects) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client(timeout_seconds, secrets)
        url = self.client.base_url
        self.address = f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path}"
        self.name = f"{self.address} ({endpoint.suffix[1:]})" if endpoint.suffix else self.address
        self.dialect = known.of(endpoint.model, self.address)
        self.has_answered = False
        self.is_set_aside = False
        self.n_open = 0
        self.n_calls = 0
        self.rests_until = 0.0
        self.n_rests = 0  # in a row
        self.silent_since: float | None = None
        self._rested_at = float("-inf")

    def is_open(self, concurrency: int) -> bool:
        """Whether one more request may be sent, now or after its rest."""
        return not self.is_set_aside and self.n_open < (concurrency if self.has_answered else 1)

    def rest(
        self, wait_seconds: float | None, first_wait_seconds: float, patience_seconds: float, began: float
    ) -> bool:
        """Send nothing for a while; whether a new rest begins, as opposed to the one that is under way.

        Requests that were under way together fail together: those count once.
        """
        now = asyncio.get_running_loop().time()
        begins = began >= self._rested_at
        if self.silent_since is None:
            self.silent_since = began
        if begins:
            self.n_rests += 1
            self._rested_at = now
        if wait_seconds is None:
            left = self.silent_since + patience_seconds - now
            wait_seconds = min(doubling(first_wait_seconds, self.n_rests), max(left, 0.0))
        self.rests_until = max(self.rests_until, now + wait_seconds)
        return begins

    def outlasts(self, patience_seconds: float) -> bool:
        """Whether it was, or wants to be, silent for longer than so long."""
        now = asyncio.get_running_loop().time()
        since = now if self.silent_since is None else self.silent_since
        return now - since >= patience_seconds or self.rests_until - since > patience_seconds

    def answered(self) -> None:
        """Forget the rests before."""
        self.has_answered, self.n_rests, self.silent_since = True, 0, None

    async def send(self, messages: Messages, options: dict[str, Any]) -> str:
        """One request in the options given; the body of the response as it came."""
        response = await self.client.chat.completions.with_raw_response.create(
            model=self.endpoint.model,
            messages=messages,  # type: ignore[arg-type]
            **options,
        )
        return response.text
