"""Training a recommender on the leave-one-out split: batches, early stopping, one entry for every kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from tqdm import tqdm

from recexplainer.core.errors import InputError
from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.base import Recommender, pad_histories
from recexplainer.recommenders.baselines import ItemKNN, Popularity
from recexplainer.recommenders.external import ExternalRecommender, open_external
from recexplainer.recommenders.gru4rec import GRU4Rec
from recexplainer.recommenders.losses import full_softmax_loss, sampled_softmax_loss
from recexplainer.recommenders.mf import MF
from recexplainer.recommenders.progress import VALID_METRIC, Best, Progress, training_id
from recexplainer.recommenders.ranking import LeaveOneOut, RankingCases, ndcg, rank_cases
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.recommenders.sequence import ITEM_LENGTH, SequenceRecommender
from recexplainer.recommenders.spectral import near_items, spectral_items

FLOORS = (Popularity.kind, ItemKNN.kind)
SEQUENCE_KINDS: dict[str, type[SequenceRecommender]] = {model.kind: model for model in (SASRec, GRU4Rec)}
WARMUP = 0.04  # of the steps, with "cosine"
MAX_GRADIENT_NORM = 5.0
ALL_IN_LOSS = 20_000  # items; of more, `DEFAULT_NEGATIVES` are in the loss of a batch unless the settings say how many
DEFAULT_NEGATIVES = 2_000

OnEpoch = Callable[[int, dict[str, float]], None]


@dataclass
class Training:
    """A trained recommender and how it got there.

    Attributes:
        recommender: The state of the best epoch by NDCG@10 on the valid items; after `refit` the one that it gave.
        curve: Per epoch `train_loss` (sequence models) and `valid_ndcg@10`.
        best_epoch: The epoch of that state, counted from 1; 0 where nothing is trained in epochs.
        report: Further facts about a recommender that was made elsewhere.
        before_refit: After `refit`, the recommender that has not seen the valid items.
    """

    recommender: Recommender
    curve: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    before_refit: Recommender | None = None


def train_recommender(
    kind: str,
    split: LeaveOneOut,
    settings: Mapping[str, Any],
    seed: int,
    on_epoch: OnEpoch = lambda epoch, metrics: None,
    checkpoints: Path | None = None,
) -> Training:
    """Train a recommender of one kind on `split.train`, or open one that was made elsewhere.

    Args:
        kind: "sasrec", "gru4rec", "mf", "external", "item_knn" or "popularity".
        split: The held-out items; the test items are not touched.
        settings: The settings of this kind, by name.
        seed: The source of every random choice.
        on_epoch: Told the number (from 1) and the metrics of every epoch, also of those before a training resumes.
        checkpoints: The folder in which a sequence model keeps the state behind its last epoch, to resume from; None:
            nothing is kept.

    Raises:
        InputError: The kind is unknown, the loss is no longer finite, or a checkpoint is damaged.
    """
    if kind in SEQUENCE_KINDS:
        kept = checkpoints and checkpoints / f"{training_id(kind, split, settings, seed)}.safetensors"
        return train_sequence_recommender(
            SEQUENCE_KINDS[kind], split, seed=seed, on_epoch=on_epoch, checkpoint=kept, **settings
        )
    if kind == "mf":
        return _train_mf(split, seed, on_epoch, settings)
    if kind == ExternalRecommender.kind:
        recommender, report = open_external(split, **settings)
        return Training(recommender, report=report)
    if kind == "item_knn":
        return Training(ItemKNN.fit(split.train, **settings))
    if kind == "popularity":
        return Training(Popularity.fit(split.train))
    raise InputError(f"recommender.kind: expected sasrec, gru4rec, mf or external, got {kind!r}")


def refit(
    training: Training,
    kind: str,
    split: LeaveOneOut,
    settings: Mapping[str, Any],
    seed: int,
    checkpoints: Path | None = None,
) -> Training:
    """Train again from the start on the valid items too, which chose the settings and the number of epochs.

    A user's valid item is the newest that may be learnt from. One who was made elsewhere stays as it is.

    Raises:
        InputError: As `train_recommender`.
    """
    if kind == ExternalRecommender.kind:
        return training
    if kind in SEQUENCE_KINDS:
        settings = {**settings, "stop_after": training.best_epoch}
    again = train_recommender(kind, split.with_valid_in_train(), settings, seed, checkpoints=checkpoints)
    return replace(training, recommender=again.recommender, before_refit=training.recommender)


def train_sequence_recommender(
    model: type[SequenceRecommender],
    split: LeaveOneOut,
    *,
    seed: int,
    learning_rate: float,
    weight_decay: float,
    batch_size: int,
    max_epochs: int,
    patience: int,
    n_negatives: int | None = None,
    item_init: str = "random",
    init_recency: float = 1.0,
    init_text_weight: float = 0.0,
    item_texts: Sequence[str] = (),
    attention_init: str = "random",
    schedule: str = "constant",
    stop_after: int | None = None,
    on_epoch: OnEpoch = lambda epoch, metrics: None,
    checkpoint: Path | None = None,
    **architecture: Any,
) -> Training:
    """Train until valid NDCG@10 has not risen for `patience` epochs; the best epoch's weights stay.

    Args:
        model: The kind, as a class.
        split: The held-out items.
        seed: Of the weights, the order of batches and dropout; torch's global generator is left as it was.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        batch_size: Sequences in a batch.
        max_epochs: The most passes over the training sequences.
        patience: Epochs without a better valid metric before it stops.
        n_negatives: See `drawn_negatives`.
        item_init: "random", or item embeddings from who took what with whom: "spectral" (`spectral_items`) or
            "near" (`near_items`, which the next three are for).
        init_recency: What each item between two leaves of a pair's weight.
        init_text_weight: Of the items' texts, relative to what was taken together.
        item_texts: What is written of each item, by item id from 1.
        attention_init: "random", or "mean" for states that start near the mean of what they read (SASRec's alone).
        schedule: "constant", or "cosine" for a learning rate that rises for a moment and falls to zero by `max_epochs`.
        stop_after: End after this epoch of the `max_epochs` that the schedule is made for.
        on_epoch: Told the number and the metrics of every epoch.
        checkpoint: The file of the state behind the last epoch, which a training resumes from; None: nothing is kept.
        **architecture: The arguments of the kind's constructor, without the number of items.

    Raises:
        InputError: There is nothing to train on, or the loss is no longer finite.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        recommender = model(n_items=split.train.n_items, **architecture)
        windows = training_windows(split.train, recommender.max_length)
        if not windows:
            raise InputError("no user has two training interactions; loosen the filters of prepare")
        if item_init == "spectral":
            recommender.items.data.copy_(ITEM_LENGTH * spectral_items(split.train, recommender.dim, seed))
        elif item_init == "near":
            near = near_items(split.train, recommender.dim, seed, init_recency, item_texts, init_text_weight)
            recommender.items.data.copy_(ITEM_LENGTH * near)
        if attention_init == "mean" and isinstance(recommender, SASRec):
            recommender.start_at_mean()
        optimiser = torch.optim.AdamW(recommender.parameters(), lr=learning_rate, weight_decay=weight_decay)
        steps = math.ceil(len(windows) / batch_size)
        follow = _schedule(optimiser, schedule, max_epochs * steps)
        best = Best(recommender, patience)
        progress = Progress(recommender, optimiser, follow, rng, best)
        if checkpoint is not None and checkpoint.exists():
            progress.load(checkpoint)
        for epoch, metrics in enumerate(best.curve, start=1):
            on_epoch(epoch, metrics)
        n_drawn, last = drawn_negatives(n_negatives, recommender.n_items), stop_after or max_epochs
        done = len(best.curve)
        with tqdm(total=last * steps, initial=done * steps, desc=model.__name__, unit="batch", disable=None) as bar:
            while len(best.curve) < last and not best.gives_up:
                loss = _train_epoch(
                    recommender, optimiser, _counted(batches(windows, batch_size, rng), bar), n_drawn, follow
                )
                try:
                    _check_finite(loss, recommender)
                    metrics = {"train_loss": loss, **_valid_metrics(recommender, split.valid)}
                except ValueError as error:
                    raise InputError(
                        f"train_recommender.{model.kind}: diverged ({error}); lower learning_rate"
                    ) from error
                best.add(metrics)
                if checkpoint is not None:
                    progress.save(checkpoint)
                on_epoch(len(best.curve), metrics)
    recommender.load_state_dict(best.weights)
    return Training(recommender.freeze(), best.curve, best.epoch)


def training_windows(train: Interactions, max_length: int) -> list[np.ndarray]:
    """The users' sequences, cut from the newest end into windows that predict at most `max_length` items.

    A window holds one item more than it predicts, and neighbours share that item, so every item but a user's
    first is predicted exactly once.
    """
    windows = []
    for user_id in range(1, train.n_users + 1):
        sequence = train.sequence(user_id)
        for end in range(len(sequence), 1, -max_length):
            windows.append(sequence[max(0, end - max_length - 1) : end])
    return windows


def batches(windows: list[np.ndarray], batch_size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """All windows once, similar lengths together, in random order; each batch (batch, length) left-padded."""
    lengths = np.array([len(window) for window in windows])
    shuffled = rng.permutation(len(windows))
    by_length = shuffled[np.argsort(lengths[shuffled], kind="stable")]
    starts = rng.permutation(np.arange(0, len(windows), batch_size))
    for start in starts:
        rows = by_length[start : start + batch_size]
        yield pad_histories([windows[row] for row in rows], int(lengths[rows].max()))


def _counted(epoch: Iterator[Tensor], bar: tqdm) -> Iterator[Tensor]:
    for batch in epoch:
        yield batch
        bar.update()


def drawn_negatives(chosen: int | None, n_items: int) -> int | None:
    """How many items are drawn for each batch to represent all items in the loss; None where all are in it.

    Args:
        chosen: As many as this, where the catalogue has more; None for all items up to `ALL_IN_LOSS`.
        n_items: Of the catalogue.

    >>> [drawn_negatives(None, n_items) for n_items in (20_000, 20_001)]
    [None, 2000]
    >>> [drawn_negatives(600, n_items) for n_items in (600, 601)]
    [None, 600]
    """
    if chosen is None:
        return None if n_items <= ALL_IN_LOSS else DEFAULT_NEGATIVES
    return chosen if chosen < n_items else None


def sequence_loss(
    recommender: SequenceRecommender, item_ids: Tensor, dropout: float, n_negatives: int | None = None
) -> tuple[Tensor, int]:
    """Mean loss of the next item at every position of windows (batch, length), and how many there are.

    With `n_negatives`, that many items are drawn from torch's global generator to represent all.
    """
    inputs, targets = item_ids[:, :-1], item_ids[:, 1:]
    predicts = inputs != PADDING_ID
    states = recommender.scoring_states(recommender.hidden_states(inputs, dropout)[predicts])
    targets = targets[predicts]
    if n_negatives is None:
        return full_softmax_loss(states, recommender.scored_items(), targets), len(states)
    drawn = torch.randint(1, recommender.n_items + 1, (n_negatives,)).to(item_ids.device)
    wanted, others = recommender.scored_items(targets), recommender.scored_items(drawn)
    return sampled_softmax_loss(states, wanted, others, targets, drawn, recommender.n_items), len(states)


def _train_epoch(
    recommender: SequenceRecommender,
    optimiser: torch.optim.Optimizer,
    epoch: Iterator[Tensor],
    n_negatives: int | None,
    schedule: LRScheduler,
) -> float:
    total, n_positions = 0.0, 0
    for item_ids in epoch:
        loss, n_in_batch = sequence_loss(recommender, item_ids, recommender.dropout, n_negatives)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(recommender.parameters(), MAX_GRADIENT_NORM)
        optimiser.step()
        schedule.step()
        total += float(loss.detach()) * n_in_batch
        n_positions += n_in_batch
    return total / n_positions


def _check_finite(loss: float, recommender: SequenceRecommender) -> None:
    if not math.isfinite(loss):
        raise ValueError(f"the loss is {loss}")
    if not all(bool(weights.isfinite().all()) for weights in recommender.parameters()):
        raise ValueError("weights are not finite")


def _schedule(optimiser: torch.optim.Optimizer, name: str, n_steps: int) -> LRScheduler:
    """How the learning rate goes over all steps."""
    if name == "constant":
        return LambdaLR(optimiser, lambda step: 1.0)
    rates = [group["lr"] for group in optimiser.param_groups]
    warmup = max(WARMUP, 2 / (n_steps + 1))  # OneCycleLR divides by zero where it is one step
    return OneCycleLR(optimiser, rates, total_steps=n_steps + 1, pct_start=warmup, cycle_momentum=False)


def _train_mf(split: LeaveOneOut, seed: int, on_epoch: OnEpoch, settings: Mapping[str, Any]) -> Training:
    curve: list[dict[str, float]] = []

    def after_iteration(iteration: int, recommender: MF) -> None:
        curve.append(_valid_metrics(recommender, split.valid))
        on_epoch(iteration, curve[-1])

    recommender = MF.fit(split.train, seed=seed, after_iteration=after_iteration, **settings)
    return Training(recommender, curve, best_epoch=len(curve))


def _valid_metrics(recommender: Recommender, valid: RankingCases) -> dict[str, float]:
    return {VALID_METRIC: ndcg(rank_cases(recommender, valid), 10)} if len(valid) else {}
