"""The trainer: transformers' own, with the loss of packed rows, two learning rates and small checkpoints."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft.helpers import disable_input_dtype_casting
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from recexplainer.core.environment import n_processes
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Align
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.packing import Tree, collate, share_prefixes
from recexplainer.prompting.chat import IGNORED, Encoded
from recexplainer.store.atomic import remove
from recexplainer.store.tensors import check_tensors

CURVES = ("loss", "grad_norm", "learning_rate")


def training_arguments(align: Align, epochs: float, seed: int, folder: Path) -> TrainingArguments:
    """The settings in the trainer's own terms; `folder` takes the checkpoints.

    Raises:
        InputError: If `align.rows_per_step` is not a multiple of the number of processes that train together.
    """
    rows_per_process, rest = divmod(align.rows_per_step, n_processes())
    if rest:
        raise InputError(
            f"align.rows_per_step: {align.rows_per_step} rows cannot be divided among {n_processes()} processes; "
            "give a multiple"
        )
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=rows_per_process,
        learning_rate=align.learning_rate,
        warmup_steps=align.warmup,
        lr_scheduler_type="cosine",
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=seed,
        data_seed=seed,
        logging_steps=align.logging_steps,
        save_strategy="steps",
        save_steps=align.save_steps,
        save_total_limit=1,
        report_to=[],
        disable_tqdm=not sys.stderr.isatty(),
        remove_unused_columns=False,
        label_names=["targets"],
        use_cpu=not torch.cuda.is_available(),
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
    )
    # Several GPUs are for accelerate launch, not for DataParallel, which would cut rows.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


class AlignmentTrainer(Trainer):
    """Weighted cross-entropy on the answers; only adapter and connectors are trained and stored.

    A step that the rows do not fill takes empty ones, so that no row counts more in it than in another, and as many
    processes as like can share it.

    Args:
        explainer: Who learns.
        arguments: Of `training_arguments`.
        rows: The trees of each packed row.
        align: The settings.
        user_vectors: (n, dim) what the user slots of the rows point into.
    """

    def __init__(
        self,
        explainer: Explainer,
        arguments: TrainingArguments,
        rows: list[list[Tree]],
        align: Align,
        user_vectors: Tensor,
    ) -> None:
        length = align.row_tokens if align.rows_are_filled else None
        super().__init__(
            explainer,
            arguments,
            train_dataset=_Rows(rows + [[_empty_tree()]] * (-len(rows) % align.rows_per_step)),
            data_collator=lambda one: collate([tree for row in one for tree in row], length),
        )
        weights = [sum(tree.weights[tree.targets != IGNORED].sum() for tree in row) for row in rows]
        self.mean_weight = float(np.mean(weights)) if rows else 1.0
        self.connector_learning_rate = align.connector_learning_rate
        self.user_vectors = user_vectors.to(arguments.device)  # once, and not with every step

    def train(self, *given: Any, **named: Any) -> Any:
        """Train; mixed precision casts an adapter's input, so that the adapter need not widen and keep it."""
        assert self.model is not None
        with disable_input_dtype_casting(self.model, active=self.args.bf16):
            return super().train(*given, **named)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Sum of the weighted token losses of a row, over the mean weight of a row: no row counts more per token."""
        targets = inputs["targets"][0]
        places = (targets != IGNORED).nonzero()[:, 0]
        logits = model(
            input_ids=inputs["input_ids"],
            user_slots=inputs["user_slots"],
            item_slots=inputs["item_slots"],
            places=places,
            position_ids=inputs["position_ids"],
            seen_until=inputs["seen_until"],
            user_vectors=self.user_vectors,
        )
        losses = torch.nn.functional.cross_entropy(logits[0], targets[places], reduction="none")
        loss = (losses * inputs["weights"][0, places]).sum() / self.mean_weight
        return (loss, {"logits": logits}) if return_outputs else loss

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        """AdamW with a rate of its own for the connectors, which start from nothing."""
        assert self.model is not None
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        connectors = [p for name, p in named if name.startswith("connectors.")]
        adapter = [p for name, p in named if not name.startswith("connectors.")]
        groups = [{"params": adapter, "lr": self.args.learning_rate}]
        if connectors:
            groups.append({"params": connectors, "lr": self.connector_learning_rate})
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        return self.optimizer

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir or ".")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(_trainable(self.model), folder / "trainable.safetensors")

    def _save_checkpoint(self, *given: Any, **named: Any) -> None:
        """On a full disk nothing of an unfinished checkpoint stays to fill it."""
        try:
            super()._save_checkpoint(*given, **named)
        except Exception:
            remove(Path(self.args.output_dir or ".") / f"checkpoint-{self.state.global_step}")
            raise

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        path = Path(resume_from_checkpoint) / "trainable.safetensors"
        trainable = _trainable(self.model)
        try:
            weights = load_file(path)
            check_tensors(weights, trainable, "the checkpoint")
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"{path}: {error}; delete {path.parent} to train from the checkpoint before it") from error
        for name, parameter in trainable.items():
            parameter.copy_(weights[name])


def _empty_tree() -> Tree:
    """One token and nothing to learn from it."""
    none = np.array([-1], dtype=np.int32)
    ids, targets = np.zeros(1, dtype=np.int32), np.array([IGNORED], dtype=np.int32)
    [tree] = share_prefixes([Encoded(ids, targets, none, none)], 1)
    return tree


class _Rows(Dataset):
    def __init__(self, rows: list[list[Tree]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[Tree]:
        return self.rows[index]


class Speed(TrainerCallback):
    """Hands the curves to whoever tracks the run, and how fast training goes.

    Args:
        report: Takes numbers and the step that they belong to.
        per_step: How many examples, tokens and packed tokens a step takes, on average, by name.
    """

    def __init__(self, report: Callable[[dict[str, float], int], None], per_step: dict[str, float]) -> None:
        self.report, self.per_step = report, per_step
        self.began = self.last = (0.0, 0)  # time, step
        self.ended = (0.0, 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock, at the step of a checkpoint where training goes on from one."""
        self.began = self.last = (time.perf_counter(), state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop it."""
        self.ended = (time.perf_counter(), state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Pass loss, gradient norm, rate and speed on."""
        if not state.is_world_process_zero:
            return
        curves = {key: float(value) for key, value in (logs or {}).items() if key in CURVES}
        if not curves:
            return
        now = (time.perf_counter(), state.global_step)
        self.report(curves | self._between(self.last, now), state.global_step)
        self.last = now

    def of_all_steps(self) -> dict[str, float]:
        """The speed from the first step of this process to the last."""
        return self._between(self.began, self.ended)

    def _between(self, start: tuple[float, int], end: tuple[float, int]) -> dict[str, float]:
        seconds, n_steps = end[0] - start[0], end[1] - start[1]
        return {f"{name}_per_second": round(n * n_steps / seconds, 1) for name, n in self.per_step.items()}


def _trainable(model: nn.Module | None) -> dict[str, Tensor]:
    assert model is not None
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
