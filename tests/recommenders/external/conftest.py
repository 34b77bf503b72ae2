from __future__ import annotations

import pytest

from recexplainer.recommenders.ranking import LeaveOneOut, leave_one_out
from tests.recommenders.made_elsewhere import WORLD


@pytest.fixture(scope="session")
def split() -> LeaveOneOut:
    """What a recommender that is opened is tried on."""
    return leave_one_out(WORLD)
