"""Every step that is measured by size still calls the code as it is."""

from __future__ import annotations

import pytest

from benchmarks.scale import STEPS
from tests import tiny


@pytest.mark.parametrize("name", STEPS)
def test_a_step_runs_on_a_small_catalogue(name: str) -> None:
    STEPS[name](200, tiny.settings())()
