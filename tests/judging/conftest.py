import pytest

from recexplainer.data.catalogue import Catalogue
from tests.api.conftest import server  # noqa: F401, a fixture
from tests.faithfulness.fakes import make_games


@pytest.fixture(scope="session")
def games() -> Catalogue:
    return make_games()
