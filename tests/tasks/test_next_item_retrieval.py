from __future__ import annotations

import pytest

from recexplainer.data.examples import Example
from recexplainer.tasks.next_item_retrieval import NAME, make_examples, score
from tests.tasks import teacher


def test_the_answer_is_the_best_item_outside_the_history() -> None:
    examples = make_examples(teacher.of(teacher.batch([[9, 1, 5, 4], [0, -3, -2, -9]], [[1, 4], [1]])))
    assert [example.answer for example in examples] == [[3], [3]]
    assert [example.vector_row for example in examples] == [0, 1]


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
