"""Training: the explainer learns to answer as the recommender does."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft.helpers import disable_input_dtype_casting
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from recexplainer.alignment.chat import IGNORED, Encoded
from recexplainer.alignment.examples import Example
from recexplainer.alignment.packing import Tree, collate, pack, share_prefixes
from recexplainer.alignment.prompts import FORMS, Form, PromptWriter, fit
from recexplainer.alignment.tasks import explanation, history_reconstruction, item_discrimination
from recexplainer.explainer.model import Explainer
from recexplainer.settings import Align

_ITEMS_PER_TREE = 8


def forms_of(example: Example, mode: str) -> list[Form]:
    """The forms in which a mode trains on an example.

    Source: section 3.4: `both` trains on behaviour, intention and mixed forms. Departure: the shares of the forms are a
    parameter (`align.both_forms`), applied by `training_examples`.
    """
    if example.task == item_discrimination.NAME:
        allowed = item_discrimination.forms(example)
    elif example.task == history_reconstruction.NAME:
        allowed = ("intention",)  # a history in words would give the answer away
    elif example.task == explanation.NAME:
        return [mode]  # type: ignore[list-item]  # for it to explain in the form in which it will be asked
    elif not example.history and not example.items:
        return ["behaviour"]  # a dialogue has neither user nor item
    else:
        allowed = FORMS
    wanted: Sequence[str] = FORMS if mode == "both" else (mode,)
    return [form for form in allowed if form in wanted]


def training_examples(
    explainer: Explainer, writer: PromptWriter, examples: Sequence[Example], align: Align, rng: np.random.Generator
) -> list[Encoded]:
    """Render and encode the training examples of a mode, in the shares and weights that the settings ask for.

    `align.mixture` says how often an example of a task is seen in one epoch; a fraction is a chance.
    """
    encoded = []
    max_tokens = explainer.room(align.row_tokens)
    groups: dict[tuple, int] = {}
    shown: dict[tuple, int] = {}
    for example in examples:
        wanted = _mixture(align, example)
        for form in forms_of(example, explainer.mode):
            share = _form_share(align, explainer.mode, example, form)
            user = (example.user_id, example.position, form, share)
            if user not in shown:  # a form is drawn for all questions about a user at once
                shown[user] = _draw(share, rng)
            for time in range(shown[user] * _draw(wanted, rng)):
                if example.turns:
                    dialogue = explainer.encoder.dialogue([(q, a) for q, a in example.turns], _weight(align, example))
                    encoded += [dialogue] if len(dialogue) <= max_tokens else []
                    continue
                group = groups.setdefault(_shares_with(example, form, time), len(groups))
                weight = _weight(align, example)
                encoded.append(fit(explainer.encoder, writer, example, form, max_tokens, group=group, weight=weight))
    return encoded


def train(
    explainer: Explainer,
    encoded: Sequence[Encoded],
    user_vectors: Tensor,
    align: Align,
    seed: int,
    checkpoints: Path,
    on_log: Callable[[dict[str, float], int], None],
) -> dict[str, float]:
    """Train adapter and connectors in place; resumes from the newest complete checkpoint in `checkpoints`.

    Checkpoints of other examples, settings or base models are left alone: they lie in folders of their own.

    Returns:
        What was trained: examples, tokens with and without shared prefixes, rows, seconds, tokens per second.
    """
    rng, epochs = np.random.default_rng(seed), align.epochs[explainer.mode]
    trees = share_prefixes(encoded, align.row_tokens)
    rows = [[trees[number] for number in row] for row in pack(trees, align.row_tokens, rng)]
    explainer.user_vectors = user_vectors
    checkpoints /= _fingerprint(explainer, trees, user_vectors, align, seed)
    trainer = AlignmentTrainer(explainer, training_arguments(align, epochs, seed, checkpoints), rows, align)
    trainer.add_callback(_Log(on_log))
    outcome = trainer.train(resume_from_checkpoint=_newest_checkpoint(checkpoints))
    explainer.eval()
    seconds = outcome.metrics["train_runtime"]
    packed = sum(len(tree) for tree in trees)
    return {
        "n_examples": len(encoded),
        "n_tokens": sum(len(example) for example in encoded),
        "n_packed_tokens": packed,
        "n_rows": len(rows),
        "row_fill": round(packed / (len(rows) * align.row_tokens), 4),
        "train_seconds": round(seconds, 1),
        "examples_per_second": round(len(encoded) * epochs / seconds, 1),
        "packed_tokens_per_second": round(packed * epochs / seconds, 1),
        "train_loss": round(outcome.training_loss, 4),
    }


def training_arguments(align: Align, epochs: float, seed: int, folder: Path) -> TrainingArguments:
    """The settings in the trainer's own terms; `folder` takes the checkpoints."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=align.rows_per_step,
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

    Args:
        explainer: Who learns.
        arguments: Of `training_arguments`.
        rows: The trees of each packed row.
        align: The settings.
    """

    def __init__(
        self, explainer: Explainer, arguments: TrainingArguments, rows: list[list[Tree]], align: Align
    ) -> None:
        length = align.row_tokens if align.rows_are_filled else None
        super().__init__(
            explainer,
            arguments,
            train_dataset=_Rows(rows),
            data_collator=lambda one: collate([tree for row in one for tree in row], length),
        )
        weights = [sum(tree.weights[tree.targets != IGNORED].sum() for tree in row) for row in rows]
        self.mean_weight = float(np.mean(weights)) if rows else 1.0
        self.connector_learning_rate = align.connector_learning_rate

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
        from safetensors.torch import save_file

        folder = Path(output_dir or self.args.output_dir or ".")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(_trainable(self.model), folder / "trainable.safetensors")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        from safetensors.torch import load_file

        weights = load_file(Path(resume_from_checkpoint) / "trainable.safetensors")
        for name, parameter in _trainable(self.model).items():
            parameter.copy_(weights[name])


class _Rows(Dataset):
    def __init__(self, rows: list[list[Tree]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[Tree]:
        return self.rows[index]


class _Log(TrainerCallback):
    """Hands the curves to whoever tracks the run."""

    def __init__(self, report: Callable[[dict[str, float], int], None]) -> None:
        self.report = report

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Pass loss, gradient norm and rate on."""
        curves = ("loss", "grad_norm", "learning_rate")
        self.report({key: float(value) for key, value in (logs or {}).items() if key in curves}, state.global_step)


def _newest_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end: the trainer's state comes last."""
    complete = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(complete, key=lambda path: int(path.name.split("-")[1]))) if complete else None


def _fingerprint(explainer: Explainer, trees: Sequence[Tree], user_vectors: Tensor, align: Align, seed: int) -> str:
    """What a checkpoint must agree with to be gone on from."""
    digest = hashlib.sha256(repr((explainer.mode, explainer.reference, align, seed)).encode())
    for tree in trees:
        for array in (tree.input_ids, tree.targets, tree.user_slots, tree.item_slots, tree.weights):
            digest.update(array.tobytes())
    for table in (user_vectors, explainer.item_vectors):
        digest.update(b"" if table is None else table.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _trainable(model: nn.Module | None) -> dict[str, Tensor]:
    assert model is not None
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def _shares_with(example: Example, form: Form, time: int) -> tuple:
    """What the examples of one tree have in common: the user, or the question about an item.

    An example that is seen several times in an epoch is seen in several rows, each of which is a step. Few items share
    a tree, so that every row holds a mixture of tasks.
    """
    if example.user_id:
        return (time, form, example.user_id, example.position)
    return (time, form, example.task, example.aspect, example.items[0] // _ITEMS_PER_TREE)


def _draw(share: float, rng: np.random.Generator) -> int:
    """How often something of a share is taken: a fraction is a chance."""
    return int(share) + int(rng.random() < share % 1)


def _mixture(align: Align, example: Example) -> float:
    return align.mixture.get(f"{example.task}/{example.aspect}", align.mixture.get(example.task, 1.0))


def _weight(align: Align, example: Example) -> float:
    return align.weights.get(example.task, 1.0)


def _form_share(align: Align, mode: str, example: Example, form: str) -> float:
    drawn = mode == "both" and example.user_id and example.task != explanation.NAME
    return align.both_forms[form] if drawn else 1.0
