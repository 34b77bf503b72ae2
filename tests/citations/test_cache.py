from recexplainer.citations.cache import cached_by_catalogue
from recexplainer.data.catalogue import Catalogue
from tests.faithfulness.fakes import make_catalogue


def test_built_once_for_the_same_object_and_anew_for_another() -> None:
    built: list[Catalogue] = []

    @cached_by_catalogue
    def build(catalogue: Catalogue) -> int:
        built.append(catalogue)
        return len(built)

    first, second = make_catalogue(["A"]), make_catalogue(["A"])
    assert [build(first), build(first), build(second), build(second)] == [1, 1, 2, 2]
