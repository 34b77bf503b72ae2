from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recexplainer.core.errors import InputError
from recexplainer.recommenders import training
from recexplainer.recommenders.ranking import leave_one_out, ndcg, rank_cases
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.recommenders.training import batches, refit, sequence_loss, train_recommender, training_windows

from .conftest import SEQUENCE_KINDS, SETTINGS
from .worlds import interactions_of, random_draws, ring_walks


def test_windows_predict_every_item_once():
    train = interactions_of([[1, 2, 3, 4, 5, 6], [7], [], [8, 9]], n_items=9)
    windows = [window.tolist() for window in training_windows(train, max_length=2)]
    assert windows == [[4, 5, 6], [2, 3, 4], [1, 2], [8, 9]]


def test_batches_hold_every_window_once_and_follow_the_generator():
    windows = [np.arange(1, length + 1) for length in (2, 3, 4, 5, 2, 3, 4, 5, 9)]

    def drawn(seed: int) -> list[list[list[int]]]:
        return [batch.tolist() for batch in batches(windows, 2, np.random.default_rng(seed))]

    rows = sorted(tuple(item for item in row if item) for batch in drawn(1) for row in batch)
    assert rows == sorted(tuple(window) for window in windows)
    assert drawn(1) == drawn(1) != drawn(2)
    assert all(any(row[0] for row in batch) for batch in drawn(1))  # no column of padding alone


def test_the_loss_covers_every_next_item_and_no_padding():
    torch.manual_seed(0)
    recommender = SASRec(n_items=9, dim=8, n_layers=1, n_heads=1, max_length=5, dropout=0.0)
    loss, n_positions = sequence_loss(recommender, torch.tensor([[0, 0, 1, 2], [3, 4, 5, 6]]), dropout=0.0)
    short, _ = sequence_loss(recommender, torch.tensor([[1, 2]]), dropout=0.0)
    long, _ = sequence_loss(recommender, torch.tensor([[3, 4, 5, 6]]), dropout=0.0)
    assert n_positions == 4
    torch.testing.assert_close(loss, (short + 3 * long) / 4)
    loss.backward()
    assert recommender.items.grad is not None and torch.equal(recommender.items.grad[0], torch.zeros(8))


def test_drawing_every_item_often_comes_near_the_loss_over_all():
    torch.manual_seed(0)
    recommender = SASRec(n_items=9, dim=8, n_layers=1, n_heads=1, max_length=5, dropout=0.0, temperature=0.3)
    item_ids = torch.tensor([[3, 4, 5, 6], [0, 1, 2, 9]])
    full, _ = sequence_loss(recommender, item_ids, dropout=0.0)
    sampled, _ = sequence_loss(recommender, item_ids, dropout=0.0, n_negatives=20_000)
    torch.testing.assert_close(sampled, full, rtol=0.02, atol=0)


@pytest.mark.parametrize(
    ("n_negatives", "most_in_full", "drawn"),
    [(None, 30, None), (None, 29, 7), (12, 30, 12), (12, 29, 12), (30, 29, None), (1000, 29, None)],
)
def test_a_large_catalogue_is_sampled_unless_the_settings_say_how_many(n_negatives, most_in_full, drawn, monkeypatch):
    monkeypatch.setattr(training, "ALL_IN_LOSS", most_in_full)
    monkeypatch.setattr(training, "DEFAULT_NEGATIVES", 7)
    seen = set()
    monkeypatch.setattr(training, "sequence_loss", lambda *given: seen.add(given[-1]) or sequence_loss(*given))
    settings = {**SETTINGS["sasrec"], "max_epochs": 1, "n_negatives": n_negatives}
    train_recommender("sasrec", leave_one_out(ring_walks(n_users=20, n_items=30)), settings, seed=1)
    assert seen == {drawn}


def test_a_spectral_start_knows_who_took_what_with_whom():
    walks = leave_one_out(ring_walks(n_users=400, n_items=60))
    first_epochs = [
        train_recommender("sasrec", walks, {**SETTINGS["sasrec"], "max_epochs": 1, **start}, seed=1).curve[0]
        for start in ({"item_init": "random"}, {"item_init": "spectral", "temperature": 0.1, "n_negatives": 30})
    ]
    assert first_epochs[1]["valid_ndcg@10"] > first_epochs[0]["valid_ndcg@10"] + 0.05


def test_a_cosine_schedule_ends_with_steps_of_nothing():
    split, rates = leave_one_out(ring_walks()), []

    class Watched(torch.optim.AdamW):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    settings = {**SETTINGS["sasrec"], "schedule": "cosine", "max_epochs": 8, "patience": 8}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", Watched)
        train_recommender("sasrec", split, settings, seed=1)
    n_steps = len(rates)
    assert max(rates) == pytest.approx(settings["learning_rate"], rel=0.02)
    assert rates.index(max(rates)) <= 0.1 * n_steps and rates[-1] < 0.01 * max(rates)
    assert rates[n_steps // 2] == pytest.approx(0.5 * max(rates), rel=0.15)


def test_a_start_near_the_mean_of_neighbours_is_ahead_before_it_learns():
    walks = leave_one_out(ring_walks(n_users=400, n_items=60))
    settings = {**SETTINGS["sasrec"], "max_epochs": 1, "temperature": 0.1, "learning_rate": 1e-6, "item_init": "near"}
    near = {"init_recency": 0.5, "item_texts": [f"item {n}" for n in range(60)], "init_text_weight": 0.1}
    random, mean = (
        train_recommender("sasrec", walks, {**settings, **near, "attention_init": start}, seed=1).curve[0]
        for start in ("random", "mean")
    )
    assert mean["valid_ndcg@10"] > 0.4 and mean["valid_ndcg@10"] > random["valid_ndcg@10"] + 0.05


@pytest.mark.parametrize("kind", SEQUENCE_KINDS)
def test_the_best_epoch_stays_and_patience_ends_the_training(kind):
    split = leave_one_out(random_draws(n_users=60))
    seen = []
    training = train_recommender(
        kind,
        split,
        {**SETTINGS[kind], "max_epochs": 40, "patience": 3},
        seed=1,
        on_epoch=lambda epoch, metrics: seen.append((epoch, metrics)),
    )
    values = [metrics["valid_ndcg@10"] for metrics in training.curve]
    assert [epoch for epoch, _ in seen] == list(range(1, len(values) + 1))
    assert [metrics for _, metrics in seen] == training.curve
    assert training.best_epoch == int(np.argmax(values)) + 1
    assert len(values) == min(40, training.best_epoch + 3)
    assert ndcg(rank_cases(training.recommender, split.valid), 10) == pytest.approx(max(values))


@pytest.mark.parametrize("kind", SEQUENCE_KINDS)
def test_the_loss_falls_on_learnable_data(trained, kind):
    losses = [metrics["train_loss"] for metrics in trained(kind).curve]
    assert losses[-1] < losses[0] / 2


@pytest.mark.slow
def test_the_held_out_items_do_not_reach_the_training():
    walks = ring_walks()
    others = interactions_of([walks.sequence(user).tolist() for user in range(1, walks.n_users + 1)], 30)
    others.item_ids[others.offsets[2:] - 1] = 1  # other test items, the same valid and training items
    for kind, settings in SETTINGS.items():
        splits = [leave_one_out(data) for data in (walks, others)]
        one, other = (train_recommender(kind, split, settings, seed=3).recommender for split in splits)
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


def test_mf_reports_its_curve(trained):
    training = trained("mf")
    assert len(training.curve) == SETTINGS["mf"]["iterations"] == training.best_epoch
    assert all(0 <= metrics["valid_ndcg@10"] <= 1 for metrics in training.curve)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("oracle", {}, "recommender.kind"),
        ("sasrec", {"learning_rate": 1e30}, "lower learning_rate"),
        ("gru4rec", {"learning_rate": 1e30}, "train_recommender.gru4rec: diverged .* lower learning_rate"),
    ],
)
def test_settings_that_cannot_work_are_one_clear_line(kind, change, message):
    settings = {**SETTINGS.get(kind, {}), **change}
    with pytest.raises(InputError, match=message):
        train_recommender(kind, leave_one_out(ring_walks(n_users=20)), settings, seed=1)


def test_nothing_to_train_on():
    split = leave_one_out(interactions_of([[1, 2, 3], [4]], n_items=4))
    with pytest.raises(InputError, match="two training interactions"):
        train_recommender("sasrec", split, SETTINGS["sasrec"], seed=1)


@pytest.mark.parametrize("kind", ["sasrec", "gru4rec", "mf", "item_knn", "popularity"])
def test_a_refit_learns_from_the_valid_items_and_keeps_what_has_not_seen_them(kind):
    split = leave_one_out(ring_walks(n_users=60))
    settings = {**SETTINGS[kind], "max_epochs": 3} if kind in SEQUENCE_KINDS else SETTINGS[kind]
    training = train_recommender(kind, split, settings, seed=1)
    again = refit(training, kind, split, settings, seed=1)
    assert again.before_refit is training.recommender and again.curve == training.curve
    histories = split.test.histories[:5]
    stop = {"stop_after": training.best_epoch} if kind in SEQUENCE_KINDS else {}
    expected = train_recommender(kind, split.with_valid_in_train(), {**settings, **stop}, seed=1)
    assert torch.equal(again.recommender.scores(histories), expected.recommender.scores(histories))
    assert not torch.equal(again.recommender.scores(histories), training.recommender.scores(histories))


@pytest.mark.parametrize("kind", SEQUENCE_KINDS)
def test_a_refit_that_diverges_is_one_clear_line_without_valid_items_to_show_it(kind):
    split, settings = leave_one_out(ring_walks(n_users=20)), {**SETTINGS[kind], "max_epochs": 3}
    training = replace(train_recommender(kind, split, settings, seed=1), best_epoch=3)
    with pytest.raises(InputError, match=rf"train_recommender\.{kind}: diverged \(.*\); lower learning_rate"):
        refit(training, kind, split, settings | {"learning_rate": 1e30}, seed=1)


def test_a_last_step_that_leaves_no_numbers_is_seen_although_the_loss_before_it_is_finite(monkeypatch):
    def train_epoch(recommender, *_):
        recommender.items.data.fill_(torch.nan)
        return 1.0

    monkeypatch.setattr(training, "_train_epoch", train_epoch)
    everything = leave_one_out(ring_walks(n_users=20)).with_valid_in_train()
    with pytest.raises(InputError, match=r"sasrec: diverged \(weights are not finite\)"):
        train_recommender("sasrec", everything, SETTINGS["sasrec"], seed=1)


class Killed(Exception):
    pass


@pytest.mark.parametrize("kind", SEQUENCE_KINDS)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_training_that_was_killed_resumes_and_ends_as_it_would_have(tmp_path, kind, schedule):
    split, settings = leave_one_out(random_draws(n_users=60)), {**SETTINGS[kind], "schedule": schedule, "patience": 2}
    whole = train_recommender(kind, split, settings, seed=1)
    assert len(whole.curve) > 2

    def kill(epoch, metrics):
        if epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train_recommender(kind, split, settings, seed=1, on_epoch=kill, checkpoints=tmp_path)
    [file] = tmp_path.iterdir()
    seen = []
    torch.manual_seed(99)
    tell = lambda epoch, metrics: seen.append((epoch, metrics))  # noqa: E731
    resumed = train_recommender(kind, split, settings, seed=1, on_epoch=tell, checkpoints=tmp_path)
    assert resumed.curve == whole.curve and resumed.best_epoch == whole.best_epoch
    assert seen == list(enumerate(whole.curve, start=1))
    for name, tensor in whole.recommender.state_dict().items():
        assert torch.equal(resumed.recommender.state_dict()[name], tensor), name
    assert list(tmp_path.iterdir()) == [file]

    again = train_recommender(kind, split, settings, seed=1, checkpoints=tmp_path)
    assert again.curve == whole.curve  # what has ended is not trained again
    other = train_recommender(kind, split, settings | {"dropout": 0.2}, seed=1, checkpoints=tmp_path)
    assert other.curve[0] != whole.curve[0] and len(list(tmp_path.iterdir())) == 2


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path):
    split, settings = leave_one_out(random_draws(n_users=20)), {**SETTINGS["sasrec"], "max_epochs": 1}
    train_recommender("sasrec", split, settings, seed=1, checkpoints=tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"\.safetensors: .*delete it to train from the start"):
        train_recommender("sasrec", split, settings, seed=1, checkpoints=tmp_path)


def test_another_number_of_items_is_another_training(tmp_path):
    """A new item that nobody took before the test leaves what is trained on and chosen on as it was."""
    draws = random_draws(n_users=20)
    more = replace(draws, n_items=draws.n_items + 1)
    settings = {**SETTINGS["sasrec"], "max_epochs": 1}
    for interactions in (draws, more):
        found = train_recommender("sasrec", leave_one_out(interactions), settings, seed=1, checkpoints=tmp_path)
        assert found.recommender.n_items == interactions.n_items
    assert len(list(tmp_path.iterdir())) == 2


def test_a_checkpoint_that_does_not_fit_is_one_clear_line(tmp_path):
    split, settings = leave_one_out(random_draws(n_users=20)), {**SETTINGS["sasrec"], "max_epochs": 1}
    train_recommender("sasrec", split, settings, seed=1, checkpoints=tmp_path)
    [file] = tmp_path.iterdir()
    for facts in ({}, {"facts": "{}"}):
        save_file({"random": torch.get_rng_state()}, file, facts)
        with pytest.raises(InputError, match=r"\.safetensors: .*delete it to train from the start"):
            train_recommender("sasrec", split, settings, seed=1, checkpoints=tmp_path)
