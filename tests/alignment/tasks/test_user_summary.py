from __future__ import annotations

from recexplainer.alignment.tasks.user_summary import embedded_summary, make_examples
from tests import tiny
from tests.alignment.tasks import teacher

COMMON = {"Video Games"}


def test_the_most_frequent_categories_and_the_newest_examples() -> None:
    # 1: Orbit Puzzle, 3: Orbit Racing, 6: Nova Racing, 9: Orbit Racing
    assert embedded_summary([1, 6, 3, 9], tiny.catalogue(), COMMON) == (
        'This user likes Orbit and Racing, such as "Fox on the Run" and "Rust; Bone; Glory".'
    )


def test_a_history_without_categories_has_no_summary() -> None:
    everything = {"Video Games", "Nova", "Orbit", "Racing", "Puzzle", "Horror"}
    batch = teacher.batch([[1.0] * 12, [1.0] * 12], [[1, 2], [3, 4]])
    assert make_examples(batch, tiny.catalogue(), everything) == []
    assert len(make_examples(batch, tiny.catalogue(), COMMON)) == 2
