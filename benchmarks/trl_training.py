"""TRL's own trainer, packing as it packs, on the project's examples; needs `trl`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl import SFTConfig, SFTTrainer

from recexplainer.core.settings import Align
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.chat import IGNORED, Encoded


class CountingSFTTrainer(SFTTrainer):
    """TRL's; it counts the tokens that it computes, and those of them that are learned."""

    n_tokens = 0
    n_logits = 0

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *given: Any, **named: Any) -> Any:
        """Count, and go on."""
        self.n_tokens += inputs["input_ids"].numel()
        self.n_logits += int((inputs["labels"] != IGNORED).sum())
        return super().compute_loss(model, inputs, *given, **named)


def sft_trainer(explainer: Explainer, encoded: Sequence[Encoded], align: Align) -> CountingSFTTrainer:
    """TRL's trainer of an explainer's LLM and adapter; its rows, steps and rates are those of `align`."""
    arguments = SFTConfig(
        output_dir=tempfile.gettempdir(),  # nothing is saved there
        packing=True,
        max_length=align.row_tokens,
        shuffle_dataset=True,
        num_train_epochs=1e6,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=align.rows_per_step,
        learning_rate=align.learning_rate,
        lr_scheduler_type="cosine",
        gradient_checkpointing=align.gradient_checkpointing,
        save_strategy="no",
        logging_steps=align.logging_steps,
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        bf16=torch.cuda.is_available(),
    )
    rows = Dataset.from_list([labelled(example) for example in encoded])
    return CountingSFTTrainer(
        explainer.llm, arguments, train_dataset=rows, processing_class=explainer.encoder.tokenizer
    )


def labelled(example: Encoded) -> dict[str, list[int]]:
    """An example with its last target as a token, and labels that stand at the tokens that they name."""
    targets = example.targets.tolist()
    return {"input_ids": [*example.input_ids.tolist(), targets[-1]], "labels": [IGNORED, *targets]}
