from collections.abc import Iterator

import pytest

from recexplainer.data.catalogue import Catalogue
from tests.faithfulness.fakes import make_games
from tests.judging.fake_server import FakeServer


@pytest.fixture(scope="session")
def games() -> Catalogue:
    return make_games()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    with FakeServer() as running:
        yield running
