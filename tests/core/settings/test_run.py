from __future__ import annotations

from collections.abc import Callable


def test_a_wrong_value_is_named(refused: Callable[..., None]) -> None:
    refused("run", "threads", 0, "run.threads must be at least 1")
