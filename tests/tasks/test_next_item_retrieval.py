from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recexplainer.data.examples import Example
from recexplainer.tasks.next_item_retrieval import NAME, choices, make_examples, score
from tests.tasks import teacher


def test_the_answer_is_the_best_item_outside_the_history() -> None:
    examples = make_examples(teacher.of(teacher.batch([[9, 1, 5, 4], [0, -3, -2, -9]], [[1, 4], [1]])))
    assert [example.answer for example in examples] == [[3], [3]]
    assert [example.vector_row for example in examples] == [0, 1]


def test_training_users_are_taught_the_next_best_items_by_their_scores() -> None:
    batch = teacher.batch([[9, 1, 5, 4, 4.5], [9, 1, 5, 4, 4.5]], [[1, 4], [1, 4]])
    trained, measured = make_examples(teacher.of(replace(batch, splits=["train", "test"]), choices_per_history=3))
    scores = np.array([1, 5, 4.5])
    expected = np.exp(4 * (scores - scores.mean()) / scores.std())
    assert trained.choices == [3, 5, 2] and trained.answer == [3]
    assert trained.shares == pytest.approx(sorted(expected / expected.sum(), reverse=True), abs=1e-4)
    assert not measured.choices and not measured.shares and measured.answer == [3]


def test_shares_do_not_depend_on_the_scale_of_the_scores() -> None:
    scores = np.array([-np.inf, 0.2, 0.1, 0.4, 0.3])
    assert choices(100 * scores + 7, 4) == choices(scores, 4)


@pytest.mark.parametrize("scores", [[2.0, 2.0, 2.0], [2.0]])
def test_items_with_equal_scores_have_equal_shares(scores: list[float]) -> None:
    found = choices(np.array([-np.inf, *scores]), 5)
    assert found == ([1, 2, 3][: len(scores)], [round(1 / len(scores), 4)] * len(scores))


def test_what_has_no_share_is_not_taught() -> None:
    assert choices(np.array([-np.inf, *[0.0] * 30, 1.0]), 5) == ([31], [1.0])


def test_as_in_the_paper_the_first_item_alone_is_taught() -> None:
    [example] = make_examples(teacher.of(teacher.batch([[9, 1, 5]], [[1]]), choices_per_history=1))
    assert example.answers() == [(example, 1.0)] and not example.choices


ASKED = [Example(NAME, "test", [7]), Example(NAME, "test", [8])]


@pytest.mark.parametrize(
    ("answers", "hit_rate", "ndcg", "invalid"),
    [
        ([[7, 1, 2, 3, 4], [8, 1, 2, 3, 4]], 1.0, 1.0, 0.0),
        ([[1, 2, 3, 4, 7], [1, 2, 3, 4, 5]], 0.5, 0.1934, 0.0),  # 1 / log2(6), halved
        ([[1, 2, 3, 4, 5, 7], [8]], 0.5, 0.5, 0.0),  # a sixth answer does not count
        ([[None, 7], []], 0.5, 0.3155, 0.5),
        ([[], []], 0.0, 0.0, 1.0),
    ],
)
def test_metrics_by_hand(answers: list, hit_rate: float, ndcg: float, invalid: float) -> None:
    assert score(ASKED, answers) == {"hr@5": hit_rate, "ndcg@5": ndcg, "invalid_rate": invalid}
