"""The trainer: transformers' own, with the loss of packed rows, two learning rates and small checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft.helpers import disable_input_dtype_casting
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import TrainingArguments

from recexplainer.alignment.checkpoints import ResumingTrainer, naming
from recexplainer.core.environment import llm_is_sharded, n_processes
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Align
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.packing import Tree, collate, share_prefixes
from recexplainer.prompting.chat import IGNORED, Encoded
from recexplainer.store.atomic import remove
from recexplainer.store.tensors import check_tensors


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


class AlignmentTrainer(ResumingTrainer):
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
        rows: Sequence[list[Tree]],
        align: Align,
        user_vectors: Tensor,
    ) -> None:
        length = align.row_tokens if align.rows_are_filled else None
        super().__init__(
            explainer,
            arguments,
            train_dataset=_Rows(rows, -len(rows) % align.rows_per_step),
            data_collator=lambda one: collate([tree for row in one for tree in row], length),
        )
        # What is trained lies whole in every process, so that checkpoints are those of one process. Said earlier, the
        # trainer would refuse to write any.
        self.is_distributed_loading_by_transformers = llm_is_sharded()
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
        return answer_loss(model, inputs, self.user_vectors) / self.mean_weight

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
        if not self.args.should_save:
            return
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
        trainable = _trainable(self.model)
        with naming(resume_from_checkpoint):
            weights = load_file(Path(resume_from_checkpoint) / "trainable.safetensors")
            check_tensors(weights, trainable, "the checkpoint")
        for name, parameter in trainable.items():
            parameter.copy_(weights[name])


def answer_loss(model: Any, inputs: dict[str, Tensor], user_vectors: Tensor) -> Tensor:
    """Sum of the weighted losses of a packed row's answer tokens; `inputs` are those of `packing.collate`."""
    targets = inputs["targets"][0]
    places = (targets != IGNORED).nonzero()[:, 0]
    logits = model(
        input_ids=inputs["input_ids"],
        user_slots=inputs["user_slots"],
        item_slots=inputs["item_slots"],
        places=places,
        position_ids=inputs["position_ids"],
        seen_until=inputs["seen_until"],
        user_vectors=user_vectors,
    )
    losses = torch.nn.functional.cross_entropy(logits[0], targets[places], reduction="none")
    return (losses * inputs["weights"][0, places]).sum()


def _empty_tree() -> Tree:
    """One token and nothing to learn from it."""
    none = np.array([-1], dtype=np.int32)
    ids, targets = np.zeros(1, dtype=np.int32), np.array([IGNORED], dtype=np.int32)
    [tree] = share_prefixes([Encoded(ids, targets, none, none)], 1)
    return tree


class _Rows(Dataset):
    """Rows, and empty ones behind them."""

    def __init__(self, rows: Sequence[list[Tree]], n_empty: int) -> None:
        self.rows, self.n_empty = rows, n_empty

    def __len__(self) -> int:
        return len(self.rows) + self.n_empty

    def __getitem__(self, index: int) -> list[Tree]:
        return self.rows[index] if index < len(self.rows) else [_empty_tree()]


def _trainable(model: nn.Module | None) -> dict[str, Tensor]:
    assert model is not None
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
