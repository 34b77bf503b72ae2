import os
from collections.abc import Iterator

import pytest

from tests.api.fake_server import FakeServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    forget_endpoints(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    with FakeServer() as running:
        yield running


def forget_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have endpoints and proxies of their own."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_", "ENGINE")) or name.lower() in (
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ):
            monkeypatch.delenv(name)
