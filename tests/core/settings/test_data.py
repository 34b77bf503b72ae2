from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import parse_settings


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("dataset", "name", "a/b", "dataset.name must be letters, digits"),
        ("dataset", "delimiter", "::", "dataset.delimiter must be one ASCII character"),
        ("dataset", "categories_separator", "", "dataset.categories_separator must be some text"),
        ("dataset", "encoding", "utf-9", "dataset.encoding must be an encoding that Python knows, not 'utf-9'"),
        ("dataset", "encoding", "base64", "dataset.encoding must be an encoding that Python knows"),
        ("dataset", "quoting", "single", "quoting must be one of double, backslash, none or null, not 'single'"),
        ("prepare", "max_lost", 5, "prepare.max_lost must be at most 1, not 5"),
        ("prepare", "min_user_items", 2, "prepare.min_user_items must be at least 3, because a user's last two items"),
        ("prepare", "max_items", 0, "prepare.max_items must be at least 1"),
        ("prepare", "max_users", -1, "prepare.max_users must be at least 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(refused: Callable[..., None], section: str, key: str, value: Any, message: str) -> None:
    refused(section, key, value, message)


def test_shares_of_a_split_sum_to_one(values: dict[str, Any]) -> None:
    values["prepare"]["split"] = {"train": 0.8, "valid": 0.1, "test": 0.2}
    with pytest.raises(InputError, match="sum to 1, not 1.1"):
        parse_settings(values)
