"""An endpoint in use: who is busy, who rests, and what is sent there."""

from __future__ import annotations

import asyncio
from typing import Any

from recexplainer.api.endpoints import Endpoint, Secrets
from recexplainer.api.request import Messages

LONGEST_WAIT_SECONDS = 60.0  # of our own choosing, not of the server's


class Server:
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
