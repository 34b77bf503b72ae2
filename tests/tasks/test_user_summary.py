from __future__ import annotations

from recexplainer.data.examples import Example
from recexplainer.tasks.user_summary import embedded_summary, make_examples, named, score
from tests import tiny
from tests.tasks import teacher

COMMON = {"Video Games"}


def test_the_most_frequent_categories_and_the_newest_examples() -> None:
    # 1: Orbit Puzzle, 3: Orbit Racing, 6: Nova Racing, 9: Orbit Racing
    assert embedded_summary([1, 6, 3, 9], tiny.catalogue(), COMMON) == (
        'This user likes Orbit and Racing, such as "Fox on the Run" and "Rust; Bone; Glory".'
    )


def test_a_history_without_categories_has_no_summary() -> None:
    everything = {"Video Games", "Nova", "Orbit", "Racing", "Puzzle", "Horror"}
    batch = teacher.batch([[1.0] * 12, [1.0] * 12], [[1, 2], [3, 4]])
    assert make_examples(teacher.of(batch, common=everything)) == []
    assert len(make_examples(teacher.of(batch, common=COMMON))) == 2


def test_names_are_whole_words_in_whatever_case() -> None:
    names = {"Racing", "Star Racing", "C++", "Nova"}
    assert named("He likes star racing; nova-like games, C++.", names) == names
    assert named("Supernova, Racings, C", names) == set()


def test_a_summary_is_held_against_what_its_reference_names() -> None:
    names = {"Orbit", "Nova", "Racing", "Puzzle"}
    asked = [Example("user_summary", "test", f"This user likes {what}.") for what in ("Orbit and Racing", "nothing")]
    assert score(asked[:1], ["Nova, Racing, Puzzle"], names) == {"precision": 0.3333, "recall": 0.5, "f1": 0.4}
    assert score(asked[:1], ["Games"], names) == {"precision": 1.0, "recall": 0.0, "f1": 0.0}
    assert score(asked[1:], ["Games"], names) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert score(asked, ["Orbit Racing", "Nova"], names) == {"precision": 0.5, "recall": 1.0, "f1": 0.5}
