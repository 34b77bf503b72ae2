from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("evaluate_alignment", "ranking", "beams", "evaluate_alignment.ranking must be one of constrained, free"),
        ("evaluate_alignment", "n_beams", 0, "evaluate_alignment.n_beams must be at least 1"),
        ("evaluate_baselines", "student_epochs", 0, "evaluate_baselines.student_epochs must be at least 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(refused: Callable[..., None], section: str, key: str, value: Any, message: str) -> None:
    refused(section, key, value, message)
