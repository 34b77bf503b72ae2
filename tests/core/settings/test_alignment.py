from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("align", "modes", ["both", "all"], r"align.modes\[1\] must be one of behaviour, intention, both, not 'all'"),
        ("align", "modes", ["both", "both"], "align.modes must be without repeats"),
        ("align", "attention", "flash_attention_2", "only these support a separate mask for each token"),
        ("align", "row_tokens", 0, "align.row_tokens must be at least 1"),
        ("align", "learning_rate", -1.0, "align.learning_rate must be above 0"),
        ("align", "epochs", {"both": 1}, "align.epochs must be a number for each of behaviour, intention, both"),
        ("align", "epochs", {"boths": 1}, "align.epochs: 'boths' must be one of behaviour, intention, both"),
        ("build_alignment", "like_top", 0.9, r"build_alignment.like_top \+ dislike_bottom must be at most 1, not 1.4"),
        ("align", "weights", {"item_ranking": -1}, "align.weights.item_ranking must be at least 0"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(refused: Callable[..., None], section: str, key: str, value: Any, message: str) -> None:
    refused(section, key, value, message)
