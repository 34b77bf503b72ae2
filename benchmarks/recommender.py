"""Training SASRec: the project's way beside a plain one, on the same data, in one run.

python benchmarks/recommender.py --interactions interactions.csv.gz [--seconds 900] [--threads 2]

The plain way, written here as the yardstick: every prefix of a history is an example of its own, padded to the longest
history, through `nn.TransformerEncoder`, with cross-entropy over all items and dropout, Adam, random embeddings.
Printed are training interactions per second, and the seconds until the best valid NDCG@10 that both reach; both
include measuring it, on 4,000 users. Each way trains until it gets no better, or for --seconds.
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recexplainer.data.interactions import Interactions
from recexplainer.recommenders.base import VectorRecommender, pad_histories
from recexplainer.recommenders.ranking import LeaveOneOut, RankingCases, leave_one_out, ndcg, rank_cases
from recexplainer.recommenders.training import VALID_METRIC, train_recommender

Curve = list[tuple[float, float]]  # seconds of training so far, valid NDCG@10
SETTINGS = {
    "dim": 64,
    "n_layers": 1,
    "n_heads": 2,
    "max_length": 50,
    "dropout": 0.3,
    "learning_rate": 0.002,
    "weight_decay": 0.0,
    "batch_size": 128,
    "max_epochs": 100,
    "patience": 3,
}
OURS = {"temperature": 0.07, "n_negatives": 512, "item_init": "spectral"}
VALID_USERS = 4000


class PlainSASRec(VectorRecommender):
    """The yardstick: the same architecture and sizes from torch's own parts."""

    def __init__(self, n_items: int) -> None:
        dim = SETTINGS["dim"]
        super().__init__(n_items, dim, SETTINGS["max_length"])
        self.items = nn.Embedding(n_items + 1, dim, padding_idx=0)
        self.places = nn.Parameter(torch.randn(SETTINGS["max_length"], dim) * 0.02)
        layer = nn.TransformerEncoderLayer(
            dim, SETTINGS["n_heads"], 4 * dim, SETTINGS["dropout"], "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, SETTINGS["n_layers"], nn.LayerNorm(dim), enable_nested_tensor=False)
        self.drop = nn.Dropout(SETTINGS["dropout"])
        nn.init.normal_(self.items.weight, std=0.5 * dim**-0.5)

    def train(self, mode: bool = True) -> PlainSASRec:
        """Follow the mode, unlike a frozen recommender."""
        return nn.Module.train(self, mode)

    def config(self) -> dict:
        """Nothing: it is not stored."""
        return {}

    def item_vectors(self) -> Tensor:
        """The item embeddings."""
        return self.items.weight

    def _user_vectors(self, item_ids: Tensor) -> Tensor:
        item_ids = F.pad(item_ids, (self.max_length - item_ids.shape[1], 0))
        hidden = self.drop(self.items(item_ids) + self.places)
        future = nn.Transformer.generate_square_subsequent_mask(self.max_length, dtype=torch.bool)
        padding = item_ids == 0
        padding[:, -1] = False
        return self.encoder(hidden, mask=future, src_key_padding_mask=padding)[:, -1]


class OutOfTime(Exception):
    """Ends a training from its callback."""


def train_plain(split: LeaveOneOut, seconds: float) -> tuple[Curve, int]:
    """The yardstick's curve, and how many interactions it has seen.

    It is measured ten times an epoch, as its epochs are long, and ends after as many epochs without progress as ours.
    """
    sequences = [split.train.sequence(user) for user in range(1, split.train.n_users + 1)]
    prefixes = [(user, end) for user, sequence in enumerate(sequences) for end in range(1, len(sequence))]
    rng = np.random.default_rng(1)
    torch.manual_seed(1)
    model = PlainSASRec(split.train.n_items).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=SETTINGS["learning_rate"])
    curve: Curve = []
    n_seen, best, started = 0, 0, time.perf_counter()
    for _ in range(SETTINGS["max_epochs"]):
        order = rng.permutation(len(prefixes))
        for start in range(0, len(order), SETTINGS["batch_size"]):
            rows = [prefixes[row] for row in order[start : start + SETTINGS["batch_size"]]]
            histories = pad_histories([sequences[user][:end] for user, end in rows], model.max_length)
            targets = torch.tensor([int(sequences[user][end]) for user, end in rows])
            logits = model._user_vectors(histories) @ model.items.weight.T
            loss = F.cross_entropy(logits[:, 1:], targets - 1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            n_seen += len(rows)
            if n_seen * 10 // len(prefixes) > len(curve):
                value = ndcg(rank_cases(model.eval(), split.valid), 10)
                model.train()
                curve.append((time.perf_counter() - started, value))
                show("plain", curve, n_seen)
                best = len(curve) - 1 if value >= max(point[1] for point in curve) else best
                if curve[-1][0] > seconds or len(curve) - 1 - best >= 10 * SETTINGS["patience"]:
                    return curve, n_seen
    return curve, n_seen


def train_ours(split: LeaveOneOut, seconds: float) -> tuple[Curve, int]:
    """The project's curve, and how many interactions it has seen."""
    per_epoch = int(np.maximum(np.diff(split.train.offsets) - 1, 0).sum())
    curve: Curve = []
    started = time.perf_counter()

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        curve.append((time.perf_counter() - started, metrics[VALID_METRIC]))
        show("ours", curve, per_epoch * epoch)
        if curve[-1][0] > seconds:
            raise OutOfTime

    with suppress(OutOfTime):
        train_recommender("sasrec", split, {**SETTINGS, **OURS}, seed=1, on_epoch=on_epoch)
    return curve, per_epoch * len(curve)


def show(name: str, curve: Curve, n_seen: int) -> None:
    """One line of progress."""
    spent, value = curve[-1]
    print(f"{name:8}{spent:8.0f} s{n_seen / spent:12.0f} interactions/s   valid NDCG@10 {value:.4f}", flush=True)


def seconds_until(curve: Curve, target: float) -> float:
    """When a curve first reaches the target."""
    return next(spent for spent, value in curve if value >= target)


def main() -> None:
    """Train both and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=Path, required=True, help="CSV of user_id, item_id, position")
    parser.add_argument("--seconds", type=float, default=900, help="the most for each way")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    split = read_split(arguments.interactions)
    ours, n_ours = train_ours(split, arguments.seconds)
    plain, n_plain = train_plain(split, arguments.seconds)
    target = min(max(value for _, value in curve) for curve in (ours, plain))
    speed = [n_seen / curve[-1][0] for curve, n_seen in ((ours, n_ours), (plain, n_plain))]
    soon, late = (seconds_until(curve, target) for curve in (ours, plain))
    print(f"interactions/s: ours {speed[0]:.0f}, plain {speed[1]:.0f}, ratio {speed[0] / speed[1]:.1f}")
    print(f"seconds to valid NDCG@10 {target:.4f}: ours {soon:.0f}, plain {late:.0f}, ratio {late / soon:.1f}")


def read_split(path: Path) -> LeaveOneOut:
    """Leave-one-out of a table, with the first `VALID_USERS` users' valid items to measure on."""
    frame = pd.read_csv(path, dtype={"user_id": str, "item_id": str})
    for column in ("user_id", "item_id"):
        frame[column] = pd.factorize(frame[column])[0] + 1
    frame = frame.sort_values(["user_id", "position"])
    frame["position"] = frame.groupby("user_id").cumcount()
    split = leave_one_out(Interactions.from_frame(frame, int(frame["item_id"].max())))
    valid = split.valid
    measured = RankingCases(valid.user_ids[:VALID_USERS], valid.histories[:VALID_USERS], valid.targets[:VALID_USERS])
    return replace(split, valid=measured)


if __name__ == "__main__":
    main()
