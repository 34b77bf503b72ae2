from __future__ import annotations

from collections.abc import Callable


def test_a_wrong_value_is_named(refused: Callable[..., None]) -> None:
    refused("recommender", "kind", "gru", "recommender.kind must be one of")
