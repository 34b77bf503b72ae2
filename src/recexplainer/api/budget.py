"""What a run may ask and spend: an estimate before, a bound during, a sum after."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from recexplainer.api.request import ApiSettings
from recexplainer.core.errors import InputError

_BYTES_PER_TOKEN = 3  # fewer than English has, and about what other scripts have: the estimate is on the high side


def estimate_prompt_tokens(body: Any) -> int:
    """About how many tokens a request has, by the length of its text.

    >>> estimate_prompt_tokens([{"role": "user", "content": "Yes or no?"}])
    15
    """
    return -(-len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


class Budget:
    """The bounds of one run.

    What a request may cost at most is set apart before it is sent: requests under way at the same time keep
    to the bound too. A request whose fate is unknown (a time-out, a broken connection) counts as paid in
    full.

    Attributes:
        n_calls: Requests sent, repeated ones included.
        spent: Money for them; 0 where the prices are unknown.
    """

    def __init__(self, settings: ApiSettings) -> None:
        self._bounds = settings.chosen
        self._prices = settings.prices
        self._set_apart = 0.0
        self.n_calls = 0
        self.spent = 0.0

    def check(self, bodies: Iterable[Any]) -> str:
        """The estimate for requests to send once, as a line.

        Raises:
            InputError: The bounds do not suffice even when nothing is repeated.
        """
        bounds = self._bounds
        prompt_tokens = [estimate_prompt_tokens(body) for body in bodies]
        n_requests = len(prompt_tokens)
        if n_requests > bounds.max_calls:
            raise InputError(
                f"{bounds.section}.max_calls is {bounds.max_calls}, but {n_requests} requests have no answer yet; "
                "raise it (nothing was sent)"
            )
        completion_tokens = n_requests * bounds.max_answer_tokens
        line = (
            f"{n_requests} request(s) to send, about {sum(prompt_tokens)} prompt tokens, "
            f"at most {completion_tokens} completion tokens"
        )
        if self._prices is None:
            return line
        cost = self._prices.cost(sum(prompt_tokens), completion_tokens)
        if bounds.max_cost is not None and cost > bounds.max_cost:
            raise InputError(
                f"{bounds.section}.max_cost is {bounds.max_cost:g}, but {n_requests} requests without an answer "
                f"may cost up to about {cost:.4g}; raise it (nothing was sent)"
            )
        return f"{line}, costing at most about {cost:.4g}"

    def take(self, body: Any, n_answers: int) -> float:
        """Set apart what one request may take, and return its most money.

        Raises:
            InputError: It would exceed a bound.
        """
        bounds, most = self._bounds, 0.0
        if self._prices is not None:
            most = self._prices.cost(estimate_prompt_tokens(body), bounds.max_answer_tokens)
        for name, bound, exceeded in (
            ("max_calls", bounds.max_calls, self.n_calls >= bounds.max_calls),
            ("max_cost", bounds.max_cost, bounds.max_cost is not None and self._total() + most > bounds.max_cost),
        ):
            if exceeded:
                raise InputError(
                    f"{bounds.section}.{name} ({bound:g}) is exhausted after {n_answers} answers, which are kept; "
                    "raise it and run the stage again"
                )
        self.n_calls += 1
        self._set_apart += most
        return most

    def settle(self, most: float, answer: dict[str, Any] | None, free: bool = False) -> None:
        """Book what a request took: its answer's tokens, nothing if it was free, else all that was set apart."""
        self._set_apart -= most
        if self._prices is None or free:
            return
        self.spent += self.price(answer or {}).get("cost", most)

    def price(self, answer: dict[str, Any]) -> dict[str, float]:
        """The `cost` of an answer, in money; nothing where prices or tokens are unknown."""
        prompt, completion = answer.get("prompt_tokens"), answer.get("completion_tokens")
        if self._prices is None or prompt is None or completion is None:
            return {}
        return {"cost": self._prices.cost(prompt, completion)}

    def _total(self) -> float:
        return self.spent + self._set_apart
