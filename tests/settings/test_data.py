from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recexplainer.errors import InputError
from recexplainer.settings import parse_settings


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("dataset", "name", "a/b", "dataset.name must be letters, digits"),
        ("dataset", "format", "amazon", "dataset.format must be one of amazon_2018, amazon_2023, movielens"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(refused: Callable[..., None], section: str, key: str, value: Any, message: str) -> None:
    refused(section, key, value, message)


def test_shares_of_a_split_sum_to_one(values: dict[str, Any]) -> None:
    values["prepare"]["split"] = {"train": 0.8, "valid": 0.1, "test": 0.2}
    with pytest.raises(InputError, match="sum to 1, not 1.1"):
        parse_settings(values)
