"""What every section has that asks a model behind an API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recexplainer.core.settings.checks import require, require_at_least, require_positive


@dataclass(frozen=True)
class ApiModel:
    """A model behind an OpenAI-compatible server, and what one run may take of it; `section` is where it stands."""

    section: ClassVar[str]
    base_url: str | None
    model: str | None
    max_calls: int
    max_cost: float | None  # in the currency of the prices
    price_per_million_prompt_tokens: float | None
    price_per_million_completion_tokens: float | None
    concurrency: int  # requests at the same time, of each endpoint
    max_answer_tokens: int  # thinking included
    timeout_seconds: float  # of one try
    patience_seconds: float  # how long a server may be busy or loading before it is given up
    reasoning_effort: str | None  # in the server's words; None: not sent

    def __post_init__(self) -> None:
        """Check the bounds."""
        require_at_least(
            self.section, self, concurrency=1, max_calls=0, max_cost=0, max_answer_tokens=1, patience_seconds=0
        )
        require_positive(self.section, self, "timeout_seconds")
        require(self.reasoning_effort != "", f"{self.section}.reasoning_effort", "a word such as low, or null")
        prices = (self.price_per_million_prompt_tokens, self.price_per_million_completion_tokens)
        known = [price for price in prices if price is not None]
        where = f"{self.section}.price_per_million_…_tokens"
        require(len(known) != 1, where, "given for both kinds of token, or for none")
        require(all(price >= 0 for price in known), where, "at least 0")
        require(self.max_cost is None or len(known) == 2, f"{self.section}.max_cost", "null where the prices are null")
