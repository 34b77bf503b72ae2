"""Trainers that count what they compute: the project's, and yardsticks on padded batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.trainer_pt_utils import LengthGroupedSampler

from recexplainer.alignment.trainer import AlignmentTrainer
from recexplainer.prompting.chat import IGNORED, Encoded


class CountingTrainer(AlignmentTrainer):
    """Ours; it counts the tokens that it computes, and those of them whose logits it computes."""

    n_tokens = 0
    n_logits = 0

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *given: Any, **named: Any) -> Any:
        """Count, and go on."""
        self.n_tokens += inputs["input_ids"].numel()
        self.n_logits += self.count_logits(inputs)
        return self.loss(model, inputs, *given, **named)

    def count_logits(self, inputs: dict[str, Tensor]) -> int:
        """Those of the answers' tokens."""
        return int((inputs["targets"] != IGNORED).sum())

    def loss(self, model: Any, inputs: dict[str, Tensor], *given: Any, **named: Any) -> Any:
        """The project's own."""
        return super().compute_loss(model, inputs, *given, **named)


class PaddedTrainer(CountingTrainer):
    """The yardsticks: batches of whole examples, filled up at the right."""

    def use(self, batches: list[list[Encoded]], length: int | None) -> None:
        """Train on these batches, filled up to a length (None: that of the longest in the batch)."""
        self.train_dataset = batches
        self.data_collator = lambda batches: pad(batches[0], length)

    def count_logits(self, inputs: dict[str, Tensor]) -> int:
        """Those of every token."""
        return inputs["input_ids"].numel()

    def loss(self, model: Any, inputs: dict[str, Tensor], *given: Any, **named: Any) -> Any:
        """The mean cross-entropy of the answers' tokens, as transformers computes it."""
        explainer = self.accelerator.unwrap_model(model)
        slots = inputs["user_slots"], inputs["item_slots"]
        embeddings = explainer.embed(inputs["input_ids"], *slots, self.user_vectors)
        mask = inputs["attention_mask"]
        with self.accelerator.autocast():  # around the LLM: accelerate wraps the forward of the whole explainer alone
            logits = explainer.llm(inputs_embeds=embeddings, attention_mask=mask, use_cache=False).logits.float()
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), inputs["targets"].flatten(), ignore_index=IGNORED
        )


def cut(examples: list[Encoded], batch_size: int, by_length: bool = False) -> list[list[Encoded]]:
    """Random batches; by length, those of transformers' `train_sampling_strategy="group_by_length"`."""
    draws = torch.Generator().manual_seed(1)
    order = (
        list(LengthGroupedSampler(batch_size, lengths=[len(one) for one in examples], generator=draws))
        if by_length
        else torch.randperm(len(examples), generator=draws).tolist()
    )
    starts = range(0, len(order), batch_size)
    return [[examples[row] for row in order[start : start + batch_size]] for start in starts]


def pad(examples: list[Encoded], length: int | None) -> dict[str, Tensor]:
    """Tables (batch, length) of examples filled up at the right."""
    length = length or max(map(len, examples))

    def table(name: str, fill: int) -> Tensor:
        rows = [np.pad(getattr(one, name), (0, length - len(one)), constant_values=fill) for one in examples]
        return torch.from_numpy(np.stack(rows)).long()

    lengths = torch.tensor([len(one) for one in examples])
    return {
        "input_ids": table("input_ids", 0),
        "targets": table("targets", IGNORED),
        "user_slots": table("user_slots", -1),
        "item_slots": table("item_slots", -1),
        "attention_mask": (torch.arange(length)[None] < lengths[:, None]).long(),
    }
