"""What every kind of recommender has to hold, whatever it computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from recexplainer.core.errors import InputError
from recexplainer.recommenders.base import load_recommender, pad_histories
from recexplainer.recommenders.ranking import leave_one_out, metrics_by_part, rank_users
from recexplainer.recommenders.training import train_recommender

from . import made_elsewhere, worlds
from .conftest import KINDS, SEQUENCE_KINDS, SETTINGS, TRAINED_KINDS, VECTOR_KINDS

HISTORIES = [[3, 4, 5, 6], [10], [7, 8, 9], list(range(1, 21))]


@pytest.fixture(params=[*KINDS, *made_elsewhere.KINDS])
def recommender(request, trained, opened):
    return (trained if request.param in KINDS else opened)(request.param).recommender


@pytest.fixture(params=[*VECTOR_KINDS, *made_elsewhere.VECTOR_KINDS])
def vector_recommender(request, trained, opened):
    return (trained if request.param in KINDS else opened)(request.param).recommender


def test_shapes_and_padding_column(recommender):
    scores = recommender.scores(HISTORIES)
    assert scores.shape == (4, 31) and scores.dtype == torch.float32 and not scores.requires_grad
    assert torch.isneginf(scores[:, 0]).all()
    assert torch.isfinite(scores[:, 1:]).all()


def test_seen_items_at_minus_infinity_on_demand_only(recommender):
    plain, excluded = recommender.scores(HISTORIES), recommender.scores(HISTORIES, exclude_seen=True)
    for row, history in enumerate(HISTORIES):
        unseen = [item for item in range(1, 31) if item not in history]
        assert torch.isneginf(excluded[row, history]).all()  # also the oldest of the history that is too long
        assert torch.equal(excluded[row, unseen], plain[row, unseen])


def test_left_padding_and_tensor_form_change_nothing(recommender):
    one_by_one = torch.cat([recommender.scores([history]) for history in HISTORIES])
    wide = recommender.scores(pad_histories(HISTORIES, 40), exclude_seen=True)
    torch.testing.assert_close(recommender.scores(HISTORIES), one_by_one)
    torch.testing.assert_close(wide, recommender.scores(HISTORIES, exclude_seen=True))


def test_arrays_are_histories_too(recommender):
    arrays = [np.array(history, dtype=np.int32) for history in HISTORIES]
    assert torch.equal(recommender.scores(arrays), recommender.scores(HISTORIES))


def test_longer_histories_keep_the_newest(recommender):
    if recommender.max_length > 100:
        pytest.skip("reads histories of any length")
    newest = [history[-recommender.max_length :] for history in HISTORIES]
    assert torch.equal(recommender.scores(HISTORIES), recommender.scores(newest))


def test_an_empty_history_has_scores_that_prefer_nothing_learned_from_it(recommender):
    empty = recommender.scores([[], [0, 0]])
    assert torch.isfinite(empty[:, 1:]).all()
    assert torch.equal(empty[0], empty[1])
    if recommender.has_vectors:
        assert torch.equal(recommender.user_vectors([[]]), torch.zeros(1, recommender.dim))
    assert recommender.scores([]).shape == (0, 31)


def test_batches_of_rows_give_what_one_pass_gives(recommender, monkeypatch):
    whole = recommender.scores(HISTORIES)
    monkeypatch.setattr(type(recommender), "places_at_once", 1)
    torch.testing.assert_close(recommender.scores(HISTORIES), whole)


def test_answers_repeat_bit_for_bit(recommender):
    assert torch.equal(recommender.scores(HISTORIES), recommender.scores(HISTORIES))


def test_a_model_around_it_cannot_put_it_into_training_mode_or_another_precision(recommender):
    before = recommender.scores(HISTORIES)
    around = nn.ModuleDict({"recommender": recommender})
    around.train()
    around.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = recommender.scores(HISTORIES)
    assert not recommender.training and not any(module.training for module in recommender.modules())
    assert torch.equal(inside, before)
    assert not any(parameter.requires_grad for parameter in recommender.parameters())


def test_training_repeats_bit_for_bit_and_leaves_the_global_generator_alone(trained):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    for kind in KINDS:
        again = train_recommender(kind, leave_one_out(worlds.ring_walks()), SETTINGS[kind], seed=3)
        for name, tensor in trained(kind).recommender.state_dict().items():
            assert torch.equal(again.recommender.state_dict()[name], tensor), (kind, name)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", VECTOR_KINDS)
def test_another_seed_gives_another_recommender(trained, kind):
    other = train_recommender(kind, leave_one_out(worlds.ring_walks()), SETTINGS[kind], seed=4).recommender
    assert not torch.equal(other.item_vectors(), trained(kind).recommender.item_vectors())


def test_saved_and_loaded_bit_for_bit(recommender, tmp_path):
    recommender.save(tmp_path / "recommender")
    state = torch.get_rng_state()
    loaded = load_recommender(tmp_path / "recommender")
    assert torch.equal(torch.get_rng_state(), state)
    assert type(loaded) is type(recommender) and loaded.config() == recommender.config()
    assert torch.equal(loaded.scores(HISTORIES), recommender.scores(HISTORIES))
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_scores_are_dot_products_of_the_vectors(vector_recommender):
    users, items = vector_recommender.user_vectors(HISTORIES), vector_recommender.item_vectors()
    assert users.shape == (4, vector_recommender.dim) and items.shape == (31, vector_recommender.dim)
    assert users.dtype == items.dtype == torch.float32 and not users.requires_grad and not items.requires_grad
    assert torch.equal(items[0], torch.zeros(vector_recommender.dim))
    torch.testing.assert_close(vector_recommender.scores(HISTORIES)[:, 1:], (users @ items.T)[:, 1:])


@pytest.mark.parametrize("kind", ["item_knn", "popularity"])
def test_baselines_have_no_vectors_and_say_so(trained, kind):
    recommender = trained(kind).recommender
    assert not recommender.has_vectors
    with pytest.raises(NotImplementedError, match=kind):
        recommender.user_vectors([[1]])
    with pytest.raises(NotImplementedError, match=kind):
        recommender.item_vectors()


@pytest.mark.parametrize("history", [[31], [-1]])
def test_an_unknown_item_is_refused(recommender, history):
    with pytest.raises(ValueError, match="outside 0"):
        recommender.scores([history])


@pytest.mark.parametrize("kind", TRAINED_KINDS)
def test_learnable_data_beats_popularity(trained, kind):
    split = leave_one_out(worlds.ring_walks())
    learned = metrics_by_part(rank_users(trained(kind).recommender, split))["test"]
    baseline = metrics_by_part(rank_users(trained("popularity").recommender, split))["test"]
    assert learned["ndcg@5"] > 0.5 > 0.3 > baseline["ndcg@5"]


def test_order_decides_for_sequence_models(trained):
    split = leave_one_out(worlds.ring_walks())
    ranks = {kind: rank_users(trained(kind).recommender, split) for kind in TRAINED_KINDS}
    hits = {kind: metrics_by_part(rows)["test"]["hr@1"] for kind, rows in ranks.items()}
    # for a set, either end of a walk is as near
    assert min(hits[kind] for kind in SEQUENCE_KINDS) > 0.9 > 0.7 > max(hits["item_knn"], hits["mf"])


@pytest.mark.parametrize("kind", TRAINED_KINDS)
def test_random_data_stays_at_chance(kind):
    split = leave_one_out(worlds.random_draws())
    recommender = train_recommender(kind, split, SETTINGS[kind], seed=3).recommender
    test = metrics_by_part(rank_users(recommender, split))["test"]
    chance = float(np.mean([10 / (30 - len(history)) for history in split.test.histories]))
    assert abs(test["hr@10"] - chance) < 0.1  # 3.5 standard errors of 300 users


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", None, "not found; run the stage train_recommender"),
        ("weights.safetensors", None, "not found; run the stage train_recommender"),
        ("config.json", b"{", "expected a JSON object"),
        ("config.json", b"[]", "expected a JSON object"),
        ("config.json", b'{"kind": "oracle"}', "unknown kind 'oracle'"),
        ("config.json", b'{"kind": "mf", "n_items": 30}', "does not fit"),
        (
            "config.json",
            b'{"kind": "item_knn", "n_items": 31, "n_neighbours": 10, "normalisation": 0.5, "recency": 1.0}',
            "does not fit",
        ),
        ("weights.safetensors", b"no weights", "does not fit"),
    ],
)
def test_a_damaged_folder_is_one_clear_line(trained, tmp_path, file, content, message):
    trained("item_knn").recommender.save(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_recommender(tmp_path)
