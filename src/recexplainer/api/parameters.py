"""From a section of params.yaml to how the model behind an API is asked."""

from __future__ import annotations

from recexplainer.api.client import Answers
from recexplainer.api.request import ApiSettings, Prices
from recexplainer.core.errors import InputError
from recexplainer.core.settings import ApiModel

MAX_ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.5


def api_settings(chosen: ApiModel, seed: int) -> ApiSettings:
    """How the model that a section names is asked.

    Raises:
        InputError: It names none.
    """
    if not chosen.model:
        raise InputError(f"params: {chosen.section}.model must name the server's model")
    prices = (chosen.price_per_million_prompt_tokens, chosen.price_per_million_completion_tokens)
    return ApiSettings(
        base_url=chosen.base_url,
        model=chosen.model,
        seed=seed,
        max_calls=chosen.max_calls,
        concurrency=chosen.concurrency,
        max_answer_tokens=chosen.max_answer_tokens,
        max_attempts=MAX_ATTEMPTS,
        timeout_seconds=chosen.timeout_seconds,
        first_wait_seconds=FIRST_WAIT_SECONDS,
        patience_seconds=chosen.patience_seconds,
        reasoning_effort=chosen.reasoning_effort,
        prices=None if prices[0] is None or prices[1] is None else Prices(prices[0], prices[1]),
        max_cost=chosen.max_cost,
        section=chosen.section,
    )


def costs(found: Answers) -> dict[str, float]:
    """What the answers took, as metrics of a run."""
    spent = {} if found.cost is None else {"cost": found.cost}
    return {
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "n_calls": found.n_calls,
        "n_from_cache": found.n_from_cache,
        **spent,
    }
