from collections.abc import Callable

from recexplainer.citations.cache import MOST, cached_by_catalogue
from recexplainer.data.catalogue import Catalogue
from tests.faithfulness.fakes import make_catalogue


def counting() -> Callable[[Catalogue], int]:
    """A cached function that says how many times it has built."""
    built: list[Catalogue] = []

    @cached_by_catalogue
    def build(catalogue: Catalogue) -> int:
        built.append(catalogue)
        return len(built)

    return build


def test_built_once_for_the_same_object_and_anew_for_another() -> None:
    build = counting()
    first, second = make_catalogue(["A"]), make_catalogue(["A"])
    assert [build(first), build(first), build(second), build(second)] == [1, 1, 2, 2]


def test_a_few_catalogues_in_turn_are_each_built_once() -> None:
    """The live page asks the explainers of three modes, each with a catalogue of its own."""
    build = counting()
    given = [make_catalogue(["A"]) for _ in range(MOST + 1)]
    few = given[:MOST] * 2
    assert MOST >= 3 and [build(catalogue) for catalogue in few] == [*range(1, MOST + 1)] * 2
    assert [build(given[0]) for _ in range(MOST)] == [1] * MOST and build(given[1]) == 2
    assert [build(catalogue) for catalogue in few] == [*range(1, MOST + 1)] * 2
    build(given[MOST])
    assert build(given[1]) == 2 and build(given[0]) == MOST + 2  # the one that was not asked for longest is forgotten
