from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("faithfulness", "top_ks", [1, 0], r"faithfulness.top_ks\[1\] must be at least 1, not 0"),
        ("faithfulness", "n_random", 0, "faithfulness.n_random must be at least 1"),
        ("judge", "backend", "openai", "judge.backend must be one of rubric, api, not 'openai'"),
        ("judge", "concurrency", 0, "judge.concurrency must be at least 1"),
        ("judge", "max_calls", -1, "judge.max_calls must be at least 0"),
        ("judge", "max_answer_tokens", 0, "judge.max_answer_tokens must be at least 1"),
        ("judge", "timeout_seconds", 0, "judge.timeout_seconds must be above 0"),
        ("judge", "patience_seconds", -1, "judge.patience_seconds must be at least 0"),
        ("judge", "reasoning_effort", "", "judge.reasoning_effort must be a word such as low, or null"),
        ("summaries", "max_answer_tokens", 0, "summaries.max_answer_tokens must be at least 1"),
        ("discriminate", "test_fraction", 7.0, "discriminate.test_fraction must be below 1, not 7"),
        ("report", "n_cases", -1, "report.n_cases must be at least 0"),
        ("judge", "max_cost", 2.5, "judge.max_cost must be null where the prices are null"),
        ("judge", "price_per_million_prompt_tokens", 1.0, "must be set for both kinds of token or for neither"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(refused: Callable[..., None], section: str, key: str, value: Any, message: str) -> None:
    refused(section, key, value, message)
