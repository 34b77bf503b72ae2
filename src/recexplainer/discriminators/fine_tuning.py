"""Fine-tuning: a pre-trained encoder learns whose a text is, or which score it carries.

Source: the paper's discriminators are a fine-tuned BERT-base. Departures: any encoder or language model, and as few
of its layers as a parameter asks for; the last layer of the head begins at zero, so that the first predictions are
the mean score and even odds: with a hundred texts to learn from, a random start costs half of the steps.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from recexplainer.core.errors import InputError, reason_of
from recexplainer.core.settings import Encoder
from recexplainer.discriminators.encoder import LOADING_ERRORS, EncoderTextModel, encode, quiet

WARMUP = 0.1  # share of the steps
WEIGHT_DECAY = 0.01
_WHERE = "discriminate.encoder"


def fine_tune(task: str, texts: Sequence[str], answers: np.ndarray, settings: Encoder, seed: int) -> EncoderTextModel:
    """Train encoder and head on texts with known answers.

    Args:
        task: ``classify`` (answers are labels, cross-entropy) or ``regress`` (answers are scores, squared error of
            the scores in standard deviations).
        texts: One text per row.
        answers: ``(n_texts,)``.
        settings: Which encoder, and how it is trained.
        seed: Of the head, the order of the texts and dropout.

    Raises:
        InputError: when the encoder cannot be loaded, or does not fit the settings.
    """
    labels = tuple(str(label) for label in np.unique(answers)) if task == "classify" else ()
    model, tokenizer = load_pretrained(settings, len(labels), seed)
    centre, scale = (0.0, 1.0) if labels else (float(answers.mean()), float(answers.std()) or 1.0)
    targets = [labels.index(str(a)) for a in answers] if labels else ((answers - centre) / scale).tolist()
    encoded = encode(tokenizer, texts, settings.max_tokens)
    rows = [{"input_ids": ids, "labels": target} for ids, target in zip(encoded, targets, strict=True)]
    _train(model, tokenizer, rows, settings, seed)
    return EncoderTextModel(task, labels, model.eval(), tokenizer, settings.max_tokens, centre, scale)


def _train(model: Any, tokenizer: Any, rows: list[dict[str, Any]], settings: Encoder, seed: int) -> None:
    gc.freeze()  # the trainer collects garbage when it begins: all that was imported need not be searched each time
    try:
        with tempfile.TemporaryDirectory() as folder, quiet():
            trainer = Trainer(
                model,
                _arguments(settings, seed, folder),
                train_dataset=rows,
                data_collator=DataCollatorWithPadding(tokenizer),
                processing_class=tokenizer,
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
    finally:
        gc.unfreeze()


def load_pretrained(settings: Encoder, n_labels: int, seed: int) -> tuple[Any, Any]:
    """A pre-trained encoder under a new head, in fp32, and its tokenizer: safetensors only, no remote code.

    Args:
        settings: The encoder, by hub name or folder, and how many of its layers are kept.
        n_labels: Outputs of the head; 0: one, for a score.
        seed: Of the head's layers before the last one.

    Raises:
        InputError: when it cannot be loaded, lacks weights, or has too few layers or positions.
    """
    name = str(settings.base)
    is_local = Path(name).is_dir()
    if not is_local and (name.startswith((".", "/")) or name.count("/") > 1 or Path(name).exists()):
        raise InputError(f"{_WHERE}.base: {name} is not a folder; give a model folder or a hub name such as org/model")
    options: dict[str, Any] = {"revision": settings.revision} if settings.revision and not is_local else {}
    kind = "single_label_classification" if n_labels else "regression"
    head: dict[str, Any] = {"num_labels": n_labels or 1, "problem_type": kind}
    try:
        with quiet(), torch.random.fork_rng():
            torch.manual_seed(seed)
            config = AutoConfig.from_pretrained(name, trust_remote_code=False, **options, **head)
            _keep_layers(config, settings)
            tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **options)
            loaded: Any = AutoModelForSequenceClassification.from_pretrained(
                name,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **options,
            )
    except LOADING_ERRORS as error:
        place = "" if is_local else " (there is no such folder, so it was read as a hub name)"
        raise InputError(
            f"{_WHERE}.base: {name} cannot be loaded as a classifier{place}: {reason_of(error)}"
        ) from error
    model, missing = loaded[0], sorted(loaded[1]["missing_keys"])
    lacking = [key for key in missing if key.startswith(f"{model.base_model_prefix}.") and ".pooler." not in key]
    if lacking:
        raise InputError(f"{_WHERE}.base: {name} lacks weights of the encoder, such as {lacking[0]}")
    _pad_to_the_right(model, tokenizer)
    _check_positions(model, tokenizer, settings)
    _begin_at_zero(model, missing)
    return model, tokenizer


def _keep_layers(config: Any, settings: Encoder) -> None:
    """Keep the lowest layers alone, whose weights are then all that is loaded."""
    if settings.n_layers is None:
        return
    text = config.get_text_config()
    there = text.num_hidden_layers
    if settings.n_layers > there:
        raise InputError(f"{_WHERE}.n_layers is {settings.n_layers}, but {settings.base} has {there} layers")
    text.num_hidden_layers = settings.n_layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[: settings.n_layers]


def _pad_to_the_right(model: Any, tokenizer: Any) -> None:
    """A language model's head looks for the last token that is not padding."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise InputError(f"{_WHERE}.base: its tokenizer has neither a padding nor an end token")
    tokenizer.padding_side = "right"
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id


def _check_positions(model: Any, tokenizer: Any, settings: Encoder) -> None:
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None) or sys.maxsize
    most = min(positions, tokenizer.model_max_length)
    if settings.max_tokens > most:
        raise InputError(f"{_WHERE}.max_tokens is {settings.max_tokens}, but {settings.base} reads at most {most}")


def _begin_at_zero(model: Any, missing: Sequence[str]) -> None:
    """Set the weights of the head's last layer, the one with the outputs, to zero; so are its biases."""
    for key in missing:
        layer = model.get_submodule(key.rpartition(".")[0])
        if isinstance(layer, nn.Linear) and layer.out_features == model.config.num_labels:
            nn.init.zeros_(layer.weight)


def _arguments(settings: Encoder, seed: int, folder: str) -> TrainingArguments:
    on_gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=WARMUP,
        weight_decay=WEIGHT_DECAY,
        max_grad_norm=1.0,
        train_sampling_strategy="group_by_length",
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        use_cpu=not on_gpu,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # a handful of texts is not worth DataParallel
    return arguments
