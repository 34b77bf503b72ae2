"""How far the training of a sequence model has come: its best epoch, and a file that it resumes from."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from recexplainer import store
from recexplainer.core.errors import InputError, reason_of
from recexplainer.recommenders.ranking import LeaveOneOut

VALID_METRIC = "valid_ndcg@10"
_MODEL, _BEST, _OPTIMISER, _RANDOM = "model.", "best.", "optimiser.", "random"
_FACTS = "facts"


def training_id(kind: str, split: LeaveOneOut, settings: Mapping[str, Any], seed: int) -> str:
    """What must match before a training resumes: the name of its file."""
    chosen = (kind, sorted(settings.items()), seed, split.train.n_items)
    digest = hashlib.sha256(repr(chosen).encode("utf-8", errors="surrogatepass"))
    for numbers in (split.train.item_ids, split.train.offsets, split.valid.user_ids, split.valid.targets):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    return f"{kind}-{digest.hexdigest()[:16]}"


class Best:
    """The best epoch so far, and when to give up on a better one.

    Attributes:
        curve: The metrics of each epoch.
        epoch: The best one, from 1; 0 before the first.
        value: Its valid metric.
        weights: Its weights.
    """

    def __init__(self, model: nn.Module, patience: int) -> None:
        self._model, self._patience = model, patience
        self.curve: list[dict[str, float]] = []
        self.epoch = 0
        self.value = -math.inf
        self.weights: dict[str, Tensor] = {}

    def add(self, metrics: dict[str, float]) -> None:
        """Note the next epoch's metrics; without valid cases the last epoch counts as the best."""
        self.curve.append(metrics)
        value = metrics.get(VALID_METRIC, float(len(self.curve)))
        if value > self.value:
            self.value, self.epoch = value, len(self.curve)
            self.weights = copy.deepcopy(self._model.state_dict())

    @property
    def gives_up(self) -> bool:
        """Whether no epoch was better for as many as there is patience."""
        return bool(self.curve) and len(self.curve) - self.epoch >= self._patience


@dataclass(frozen=True)
class Progress:
    """All that the next epoch depends on.

    Attributes:
        model: Its weights change.
        optimiser: Of its parameters.
        schedule: Of the learning rate.
        rng: Draws the batches; torch's global generator draws the rest.
        best: What was found so far.
    """

    model: nn.Module
    optimiser: Optimizer
    schedule: LRScheduler
    rng: np.random.Generator
    best: Best

    def save(self, path: Path) -> None:
        """Write the state behind an epoch, whole or not at all.

        Raises:
            InputError: The disk is full.
        """
        tensors = {_RANDOM: torch.get_rng_state()}
        tensors |= {_MODEL + name: tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {_BEST + name: tensor for name, tensor in self.best.weights.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"{_OPTIMISER}{number}.{name}": tensor for name, tensor in state.items()}
        facts = {
            "curve": self.best.curve,
            "best": [self.best.epoch, self.best.value],
            "rng": self.rng.bit_generator.state,
            "schedule": self.schedule.state_dict(),
            "learning_rates": [group["lr"] for group in self.optimiser.param_groups],
        }
        with store.atomic_path(path) as file:
            save_file(
                {name: tensor.contiguous() for name, tensor in tensors.items()}, file, {_FACTS: json.dumps(facts)}
            )

    def load(self, path: Path) -> None:
        """Take the state of a file.

        Raises:
            InputError: The file is damaged, or does not fit.
        """
        try:
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                facts = json.loads(file.metadata()[_FACTS])
            self._take(tensors, facts)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError(f"{path}: {reason_of(error)}; delete it to train from the start") from error

    def _take(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        self.model.load_state_dict(_of(tensors, _MODEL))
        self.best.curve, (self.best.epoch, self.best.value) = facts["curve"], facts["best"]
        self.best.weights = _of(tensors, _BEST)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _of(tensors, _OPTIMISER).items():
            number, _, part = name.partition(".")
            state.setdefault(int(number), {})[part] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        rated = [group | {"lr": rate} for group, rate in zip(groups, facts["learning_rates"], strict=True)]
        self.optimiser.load_state_dict({"state": state, "param_groups": rated})
        self.schedule.load_state_dict(facts["schedule"])
        self.rng.bit_generator.state = facts["rng"]
        torch.set_rng_state(tensors[_RANDOM])


def _of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(part): tensor for name, tensor in tensors.items() if name.startswith(part)}
