from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import parse_settings, read_params
from tests.conftest import REPOSITORY


@pytest.fixture
def values() -> dict[str, Any]:
    """The shipped parameters, to be changed."""
    return copy.deepcopy(read_params(REPOSITORY / "params.yaml"))


@pytest.fixture
def refused(values: dict[str, Any]) -> Callable[..., None]:
    """Whether another value of one parameter is refused with a message."""

    def check(section: str, key: str, value: Any, message: str) -> None:
        values[section][key] = value
        with pytest.raises(InputError, match=message):
            parse_settings(values)

    return check
