from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from recexplainer.alignment.building import build_examples, choose_pairs
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from recexplainer.recommenders import base
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.baselines import Popularity
from recexplainer.tasks import explanation
from recexplainer.tasks.known import TASKS
from tests import tiny

INTERACTIONS, USERS = tiny.interactions(), tiny.users()
SETTINGS = tiny.settings().build_alignment


def build(recommender: Recommender) -> tuple[list[Example], torch.Tensor]:
    given = (INTERACTIONS, tiny.catalogue(), USERS, tiny.dialogues(), recommender)
    examples, vectors = build_examples(*given, SETTINGS, seed=1)
    return list(examples), vectors


@pytest.fixture(scope="module", params=["mf", "sasrec", "gru4rec"])
def recommender(request: pytest.FixtureRequest) -> Recommender:
    return {"mf": tiny.mf, "sasrec": tiny.sasrec, "gru4rec": tiny.gru4rec}[request.param]()


@pytest.fixture(scope="module")
def examples(recommender: Recommender) -> list[Example]:
    return build(recommender)[0]


def history_of(example: Example) -> list[int]:
    return INTERACTIONS.sequence(example.user_id)[: example.position].tolist()


def test_every_task_is_asked(examples: list[Example]) -> None:
    assert {example.task for example in examples} == set(TASKS) - {explanation.NAME}  # drafted by a stage of its own
    assert {e.split for e in examples if e.user_id} == {"train", "valid", "test"}


def test_no_user_is_on_both_sides(examples: list[Example]) -> None:
    split = dict(zip(USERS["user_id"], USERS["split"], strict=True))
    asked = [example for example in examples if example.user_id]
    assert asked and all(example.split == split[example.user_id] for example in asked)


def test_a_history_ends_before_its_position_and_holds_no_answer(examples: list[Example]) -> None:
    for example in (e for e in examples if e.user_id):
        whole = history_of(example)
        assert SETTINGS.min_history <= example.position == len(whole)
        assert example.history == whole[-SETTINGS.max_history :]
        if example.task in ("next_item_retrieval", "item_ranking"):
            assert isinstance(example.answer, list) and not set(example.answer) & set(whole)
        if example.task in ("item_ranking", "interest_classification"):
            assert not set(example.items) & set(whole) and 0 not in example.items


def test_answers_are_those_of_the_recommender(examples: list[Example], recommender: Recommender) -> None:
    for example in (e for e in examples if e.user_id):
        whole = history_of(example)
        scores = recommender.scores([whole])[0].numpy().astype(float)
        scores[[0, *whole]] = -np.inf
        order = [int(item) for item in np.argsort(-scores) if np.isfinite(scores[item])]
        if example.task == "next_item_retrieval":
            assert example.answer == order[:1]
        if example.task == "item_ranking":
            assert example.answer == [item for item in order if item in example.items]
            assert sorted(example.answer) == sorted(example.items) and len(example.items) == 5
        if example.task == "interest_classification":
            n_liked, n_disliked = max(1, int(0.2 * len(order))), max(1, int(0.5 * len(order)))
            assert example.items[0] in (order[:n_liked] if example.answer == "Yes" else order[-n_disliked:])
        if example.task == "history_reconstruction":
            assert example.answer == whole[-SETTINGS.max_history :][::-1]


def test_vector_rows_hold_the_vectors_of_the_whole_history(recommender: Recommender) -> None:
    examples, vectors = build(recommender)
    rows = {e.vector_row: history_of(e) for e in examples if e.user_id}
    assert sorted(rows) == list(range(len(vectors)))
    expected = recommender.user_vectors([rows[row] for row in sorted(rows)])
    assert torch.allclose(vectors, expected, atol=1e-6)
    assert all(e.vector_row == -1 for e in examples if not e.user_id)


def test_a_recommender_of_scores_alone_has_no_vectors() -> None:
    examples, vectors = build(Popularity.fit(INTERACTIONS))
    assert vectors.shape == (0, 0) and all(example.vector_row == -1 for example in examples)
    assert not [e for e in examples if e.aspect == "similar"]


def test_it_is_deterministic_and_the_recommender_stays_as_it_is(recommender: Recommender) -> None:
    before = {name: tensor.clone() for name, tensor in recommender.state_dict().items()}
    first, second = build(recommender), build(recommender)
    assert first[0] == second[0] and torch.equal(first[1], second[1])
    assert all(torch.equal(tensor, before[name]) for name, tensor in recommender.state_dict().items())


def test_pairs_are_distinct_and_new_for_those_who_are_evaluated() -> None:
    pairs = choose_pairs(INTERACTIONS, USERS, SETTINGS, np.random.default_rng(0))
    chosen = list(zip(pairs.user_ids.tolist(), pairs.positions.tolist(), strict=True))
    assert len(set(chosen)) == len(pairs)
    assert set(Counter(user for user, _ in chosen).values()) == {2}
    for user in (5, 10):  # of testing
        length = len(INTERACTIONS.sequence(user))
        assert [position for u, position in chosen if u == user] == [length - 1, length]


def test_a_user_who_has_nearly_everything_leaves_something_to_ask_about() -> None:
    everything = replace(
        INTERACTIONS,
        item_ids=np.concatenate([INTERACTIONS.item_ids, np.arange(1, 13, dtype=np.int32)]),
        offsets=np.append(INTERACTIONS.offsets, INTERACTIONS.offsets[-1] + 12),
    )
    users = USERS.copy()
    users.loc[len(users)] = [11, "U11", "test"]
    made, _ = build_examples(everything, tiny.catalogue(), users, [], tiny.mf(), SETTINGS, seed=1)
    examples = list(made)
    positions = {example.position for example in examples if example.user_id == 11}
    assert positions == {6, 7}  # five candidates are left at the last
    assert all(0 not in example.items for example in examples)


def test_a_split_without_users_is_a_clear_line() -> None:
    alone = USERS.assign(split=["train"] * 10)
    with pytest.raises(InputError, match="no valid user has 3 interactions: lower build_alignment.min_history"):
        choose_pairs(INTERACTIONS, alone, SETTINGS, np.random.default_rng(0))
    with pytest.raises(InputError, match="no train user has 99 interactions"):
        choose_pairs(INTERACTIONS, USERS, replace(SETTINGS, min_history=99), np.random.default_rng(0))


def test_a_large_catalogue_is_scored_for_fewer_pairs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender, sizes = tiny.mf(), []
    scores = recommender.scores

    def note(histories: list[list[int]], exclude_seen: bool = False) -> torch.Tensor:
        found = scores(histories, exclude_seen)
        sizes.append(found.numel())
        return found

    monkeypatch.setattr(recommender, "scores", note)
    monkeypatch.setattr(base, "SCORES_AT_ONCE", 5 * (tiny.N_ITEMS + 1))
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), [], recommender)
    settings = replace(SETTINGS, evidence_per_history=0)  # the evidence of decisions has blocks of its own
    examples, vectors = build_examples(*given, settings, seed=1)
    assert not sizes  # nothing is asked before its turn
    assert len(list(examples)) > len(vectors)
    assert max(sizes) == 5 * (tiny.N_ITEMS + 1) and sum(sizes) == len(vectors) * (tiny.N_ITEMS + 1)
