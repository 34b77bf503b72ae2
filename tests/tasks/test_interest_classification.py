from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recexplainer.core.places import items_at, place_of
from recexplainer.data.examples import Example
from recexplainer.tasks.interest_classification import EXPLAIN, NAME, PLAIN, liked_and_disliked, make_examples, score
from tests.tasks import teacher

MASKED = -np.inf


def test_shares_are_of_the_items_that_are_not_masked() -> None:
    scores = np.array([MASKED, *range(10, 0, -1), *[MASKED] * 10])  # ten items open, ten masked
    liked, disliked = (items_at(scores, places) for places in liked_and_disliked(scores, 0.2, 0.5))
    assert liked.tolist() == [1, 2] and sorted(disliked.tolist()) == [6, 7, 8, 9, 10]


def test_two_open_items_are_one_of_each() -> None:
    scores = np.array([MASKED, 1.0, MASKED, 2.0])
    liked, disliked = (items_at(scores, places) for places in liked_and_disliked(scores, 0.2, 0.5))
    assert liked.tolist() == [3] and disliked.tolist() == [1]


def test_examples_are_balanced_and_right() -> None:
    scores = [[float(n) for n in range(20)], [float(-n) for n in range(20)]]
    batch = teacher.batch(scores, [[20, 19], [3]])
    examples = make_examples(teacher.of(batch, classifications_per_history=6, verdicts_per_history=2))
    assert [e.aspect for e in examples] == ([PLAIN] * 6 + [EXPLAIN] * 2) * 2
    assert sum(e.answer == "Yes" for e in examples) == len(examples) / 2
    for example in examples:
        scores_of_user = batch.scores[example.user_id - 1]
        liked, disliked = liked_and_disliked(scores_of_user, 0.2, 0.5)
        assert place_of(scores_of_user, example.items[0]) in (liked if example.answer == "Yes" else disliked)
        assert example.items[0] not in batch.histories[example.user_id - 1]


def test_no_item_is_asked_twice_before_all_were() -> None:
    batch = teacher.batch([[float(n) for n in range(40)]], [[]])
    examples = make_examples(teacher.of(batch, classifications_per_history=16, verdicts_per_history=0))
    for answer in ("Yes", "No"):
        asked = [example.items[0] for example in examples if example.answer == answer]
        assert len(set(asked)) == len(asked) == 8


def test_the_items_are_those_of_a_full_sort_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    scores = rng.integers(50, size=(3, 4001)).astype(np.float64)  # many ties
    scores[:, 0] = MASKED
    batch = teacher.batch(scores.tolist(), [[5], [6, 7], [8]])
    expected, rng = [], np.random.default_rng(0)
    for row in batch.scores:
        order = np.argsort(-row, kind="stable")
        order = order[np.isfinite(row[order])]
        pools = [rng.permutation(order[: len(order) // 5]), rng.permutation(order[len(order) - len(order) // 2 :])]
        expected += [set(pool[:4].tolist()) for pool in pools]
    monkeypatch.setattr(np, "argsort", lambda *given, **how: pytest.fail("sorted"))
    given = teacher.of(batch, classifications_per_history=6, verdicts_per_history=2)
    examples = make_examples(replace(given, rng=np.random.default_rng(0)))
    found = [
        {e.items[0] for e in examples if e.user_id == user and e.answer == answer}
        for user in batch.user_ids
        for answer in ("Yes", "No")
    ]
    assert found == expected


def test_metrics_by_hand() -> None:
    asked = [Example(NAME, "test", answer) for answer in ("Yes", "No", "Yes", "No")]
    assert score(asked, np.array([0.9, 0.8, 0.5, 0.1])) == {"accuracy": 0.75, "auc": 0.75}
    assert score(asked, np.array([0.5] * 4)) == {"accuracy": 0.5, "auc": 0.5}
    assert score(asked[:1], np.array([0.2])) == {"accuracy": 0.0}  # of one kind alone there is no curve
