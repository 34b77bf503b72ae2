from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from recexplainer.alignment.baselines import (
    STUDENT_READS,
    best_items,
    evaluate_chance,
    evaluate_recommender,
    evaluate_scores,
    train_popularity,
    train_student,
)
from recexplainer.alignment.building import build_examples
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.recommenders import base
from recexplainer.tasks.interest_classification import boundary
from tests import tiny

INTERACTIONS = tiny.interactions(40)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    given = (INTERACTIONS, tiny.catalogue(), tiny.users(40), [], tiny.mf())
    found, _ = build_examples(*given, tiny.settings().build_alignment, seed=1)
    return [example for example in found if example.user_id]


def test_the_teacher_in_the_explainers_place_is_always_right(examples: list[Example]) -> None:
    metrics = evaluate_recommender(tiny.mf(), INTERACTIONS, examples, 0.35)
    assert metrics["next_item_retrieval"] == {"hr@5": 1.0, "ndcg@5": 1.0, "invalid_rate": 0.0}
    assert metrics["item_ranking"]["paper_ndcg@5"] == metrics["item_ranking"]["kendall_tau"] == 1.0
    assert metrics["interest_classification"] == {"accuracy": 1.0, "auc": 1.0}


def test_the_teachers_best_begin_with_its_answer(examples: list[Example]) -> None:
    asked = [example for example in examples if example.task == "next_item_retrieval"]
    best = best_items(tiny.mf(), INTERACTIONS, asked, 5)
    for example in asked:
        found = best[example.user_id, example.position]
        assert found[:1] == example.answer and len(found) == 5
        assert not set(found) & {0, *INTERACTIONS.sequence(example.user_id)[: example.position].tolist()}


def test_chance_stays_at_chance(examples: list[Example]) -> None:
    many = [evaluate_chance(INTERACTIONS, examples, np.random.default_rng(seed), 0.35) for seed in range(20)]
    asked = [example for example in examples if example.task == "next_item_retrieval"]
    n_open = np.mean([12 - len(set(INTERACTIONS.sequence(e.user_id)[: e.position])) for e in asked])
    assert np.mean([m["next_item_retrieval"]["hr@5"] for m in many]) == pytest.approx(5 / n_open, abs=0.05)
    assert np.mean([m["item_ranking"]["paper_ndcg@5"] for m in many]) == pytest.approx(0.6131, abs=0.03)
    assert np.mean([m["item_ranking"]["kendall_tau"] for m in many]) == pytest.approx(0, abs=0.05)
    assert np.mean([m["interest_classification"]["auc"] for m in many]) == pytest.approx(0.5, abs=0.05)


def test_chance_ranks_the_items_outside_of_the_whole_history_not_of_the_shown_one() -> None:
    """Of six items the user has had five and the prompt shows the last: one is left, and chance finds it."""
    frame = pd.DataFrame({"user_id": 1, "item_id": [1, 2, 3, 4, 5], "position": range(5)})
    one = {"split": "test", "user_id": 1, "position": 5, "history": [5]}
    asked = [
        Example("next_item_retrieval", answer=[6], **one),
        Example("item_ranking", answer=[6, 5], items=[5, 6], **one),
        Example("interest_classification", answer="Yes", items=[6], **one),
        Example("interest_classification", answer="No", items=[6], **one),
    ]
    for seed in range(5):
        metrics = evaluate_chance(Interactions.from_frame(frame, n_items=6), asked, np.random.default_rng(seed), 0.35)
        assert metrics["next_item_retrieval"]["ndcg@5"] == 1.0


def test_scores_by_hand() -> None:
    scores = np.array([[-np.inf, -np.inf, 5, 4, 3, 2, 1, 0, -1, -2, -3]])  # item 1 is in the history; nine are open
    one = {"split": "test", "user_id": 4, "position": 2}
    asked = [
        Example("next_item_retrieval", answer=[4], **one),  # the third of the order
        Example("item_ranking", answer=[3, 2], items=[3, 2], **one),
        Example("interest_classification", answer="Yes", items=[5], **one),  # three of nine are above
        Example("interest_classification", answer="No", items=[6], **one),  # four of nine are above: No
        Example("interest_classification", answer="Yes", items=[10], aspect="explain", **one),  # asked of the LLM alone
    ]
    metrics = evaluate_scores(scores, asked, 0.35)
    assert metrics["next_item_retrieval"] == {"hr@5": 1.0, "ndcg@5": 0.5, "invalid_rate": 0.0}
    assert metrics["item_ranking"]["kendall_tau"] == -1.0
    assert metrics["interest_classification"] == {"accuracy": 1.0, "auc": 1.0}
    for yes_until, right in ((boundary(0.2, 0.6), 1 / 2), (boundary(0.1, 0.2), 1 / 2)):  # all No, and all Yes
        metrics = evaluate_scores(scores, asked, yes_until)
        assert metrics["interest_classification"] == {"accuracy": right, "auc": 1.0}


def test_popularity_counts_interactions() -> None:
    scores = train_popularity(INTERACTIONS).scores([[1]])[0]
    assert scores[1:].tolist() == np.bincount(INTERACTIONS.item_ids, minlength=13)[1:].tolist()


@pytest.mark.slow
def test_the_student_learns_the_teacher_and_draws_nothing_from_outside() -> None:
    pairs = [(user, 4) for user in range(1, 41)]
    settings = asdict(tiny.settings().train_recommender.sasrec) | {"dim": 16, "n_heads": 2, "learning_rate": 0.01}
    teacher = tiny.mf()
    histories = [INTERACTIONS.sequence(user)[:4].tolist() for user, _ in pairs]
    wanted = teacher.scores(histories).argmax(dim=1)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    students = []
    for epochs in (250, 250, 0):
        torch.rand(3)
        students.append(train_student(teacher, INTERACTIONS, pairs, settings, 5, epochs))
    right = [float((student.scores(histories).argmax(dim=1) == wanted).float().mean()) for student in students]
    assert right[0] >= 0.75 > 0.4 > right[2]
    assert torch.equal(students[0].scores(histories), students[1].scores(histories))
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())


@pytest.mark.parametrize("ask", ["evaluate_recommender", "best_items", "train_student"])
def test_no_table_of_all_users_and_items_is_held(
    ask: str, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, asked = tiny.mf(), []
    scores = teacher.scores
    monkeypatch.setattr(base, "HISTORIES_AT_ONCE", 3)
    monkeypatch.setattr(teacher, "scores", lambda some, *given: asked.append(len(some)) or scores(some, *given))
    pairs = [(user, 4) for user in range(1, 41)] * 5
    every = asdict(tiny.settings().train_recommender.sasrec) | {"dim": 4, "n_heads": 1}
    settings = {name: every[name] for name in STUDENT_READS}  # it needs no other
    calls = {
        "evaluate_recommender": lambda: evaluate_recommender(teacher, INTERACTIONS, examples, 0.35),
        "best_items": lambda: best_items(teacher, INTERACTIONS, examples, 3),
        "train_student": lambda: train_student(teacher, INTERACTIONS, pairs, settings, 1, epochs=1),
    }
    calls[ask]()
    n_most = {"train_student": 67}.get(ask, 3)  # a batch of the student's
    assert len(asked) > 2 and max(asked) <= n_most
