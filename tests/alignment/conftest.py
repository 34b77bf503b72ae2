from __future__ import annotations

from collections.abc import Iterator

import pytest

from recexplainer.api import request as api_request
from tests.api.conftest import forget_endpoints
from tests.api.fake_server import FakeServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A model behind an API, which is tried twice and soon."""
    forget_endpoints(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    monkeypatch.setattr(api_request, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(api_request, "FIRST_WAIT_SECONDS", 0.01)
    with FakeServer() as running:
        yield running
