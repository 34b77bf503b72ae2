from __future__ import annotations

import pytest

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import Slot
from recexplainer.tasks.history_reconstruction import NAME, make_examples, question, score
from tests import tiny
from tests.tasks import teacher


def test_the_newest_item_is_named_first_and_the_prompt_gives_nothing_away() -> None:
    [example] = make_examples(teacher.of(teacher.batch([[1] * 12], [[3, 5, 8]])))
    assert example.answer == [8, 5, 3]
    for form in ("behaviour", "intention", "both"):
        content = question(tiny.writer(), example, form)  # type: ignore[arg-type]
        assert [piece for piece in content if isinstance(piece, Slot)] == [Slot("user", 0)]
        assert not any(title in "".join(map(str, content)) for title in tiny.TITLES)


@pytest.mark.parametrize(
    ("answer", "hcr"),
    [
        ([1, 1, 1, 1], 0.25),  # a title named four times is one
        ([4, 3, 2, 1], 1.0),
        ([1, None, 9, 2, 2], 0.5),
        ([], 0.0),
    ],
)
def test_hcr_by_hand(answer: list, hcr: float) -> None:
    assert score([Example(NAME, "test", [1, 2, 3, 4])], [answer]) == {"hcr": hcr}


def test_an_item_that_repeats_in_the_history_counts_once() -> None:
    assert score([Example(NAME, "test", [1, 2, 1, 1])], [[1]]) == {"hcr": 0.5}
