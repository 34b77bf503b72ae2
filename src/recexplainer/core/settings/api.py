"""What every section has that asks a model behind an API."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.kinds import SECTION, Count, CountOrZero, NotNegative, Positive, must, require


@dataclass(frozen=True, config=SECTION)
class ApiModel:
    """A model behind an OpenAI-compatible server, and the limits of one run; `section` is its place in params.yaml."""

    section: ClassVar[str]
    base_url: str | None
    model: str | None
    max_calls: CountOrZero
    max_cost: NotNegative | None  # in the currency of the prices
    price_per_million_prompt_tokens: NotNegative | None
    price_per_million_completion_tokens: NotNegative | None
    concurrency: Count  # requests at the same time, of each endpoint
    max_answer_tokens: Count  # thinking included
    timeout_seconds: Positive  # of one try
    patience_seconds: NotNegative  # how long a server may be busy or loading before it is given up
    reasoning_effort: Annotated[str, must(len, "a word such as low, or null")] | None  # None: not sent

    def __post_init__(self) -> None:
        """Check the prices."""
        prices = (self.price_per_million_prompt_tokens, self.price_per_million_completion_tokens)
        n_known = sum(price is not None for price in prices)
        require(n_known != 1, "price_per_million_…_tokens", "set for both kinds of token or for neither")
        require(self.max_cost is None or n_known == 2, "max_cost", "null where the prices are null")
