"""A pre-trained encoder with a head that reads explanations, kept as JSON and safetensors.

Any model that transformers can load for sequence classification: an encoder such as BERT, whose head reads its first
token, or a causal language model, whose head reads the last one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from recexplainer import store
from recexplainer.core.errors import InputError, reason_of
from recexplainer.discriminators.text_model import ENCODER_FILE, TextModel, check_task

FORMAT = "encoder-text-model/1"
BATCH_SIZE = 32
STAND_IN = "."  # for a text without tokens, which has no place that a head could read from
LOADING_ERRORS = (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, SafetensorError)


@dataclass(frozen=True)
class EncoderTextModel(TextModel):
    """Tokens → encoder → head.

    Attributes:
        task: ``classify`` (``labels`` by softmax) or ``regress``.
        labels: The classes in the order of the head's outputs; empty for ``regress``.
        model: A model of transformers with one output per label, or one for ``regress``.
        tokenizer: Its tokenizer.
        max_tokens: Text beyond so many tokens is not read.
        centre: Of ``regress``: the score that the output 0 means.
        scale: Of ``regress``: the difference in score that a difference of 1 in the output means.
    """

    task: str
    labels: tuple[str, ...]
    model: Any
    tokenizer: Any
    max_tokens: int
    centre: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            InputError: when they do not.
        """
        check_task(self.task, self.labels)
        n_outputs = len(self.labels) or 1
        if self.model.config.num_labels != n_outputs:
            raise InputError(f"text model: the head has {self.model.config.num_labels} outputs, not {n_outputs}")
        if self.max_tokens < 1 or not np.isfinite([self.centre, self.scale]).all():
            raise InputError("text model: max_tokens must be at least 1, centre and scale must be finite")

    def about(self, texts: Sequence[str]) -> dict[str, int]:
        """Layers and weights of encoder and head, and how many of the texts are longer than what is read."""
        lengths = [len(tokens) for tokens in encode(self.tokenizer, texts, None)]
        return {
            "n_layers": int(self.model.config.get_text_config().num_hidden_layers),
            "n_parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "n_cut_texts": sum(length > self.max_tokens for length in lengths),
        }

    @torch.inference_mode()
    def outputs(self, texts: Sequence[str]) -> np.ndarray:
        """The head's outputs, a score on its own scale; texts of like length share a batch."""
        encoded = encode(self.tokenizer, texts, self.max_tokens)
        order = sorted(range(len(texts)), key=lambda row: len(encoded[row]))
        found = np.zeros((len(texts), len(self.labels) or 1))
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            batch = self.tokenizer.pad({"input_ids": [encoded[row] for row in rows]}, return_tensors="pt")
            logits = self.model(
                input_ids=batch["input_ids"].to(self.model.device),
                attention_mask=batch["attention_mask"].to(self.model.device),
            ).logits
            found[rows] = logits.double().cpu().numpy()
        return self.centre + self.scale * found

    def save(self, folder: Path) -> None:
        """Write the model to a folder, which appears whole or not at all."""
        about = {
            "format": FORMAT,
            "task": self.task,
            "labels": list(self.labels),
            "max_tokens": self.max_tokens,
            "centre": self.centre,
            "scale": self.scale,
        }
        with store.atomic_path(folder) as temporary, quiet():
            self.model.save_pretrained(temporary)
            self.tokenizer.save_pretrained(temporary)
            store.write_json(temporary / ENCODER_FILE, about)


def load_encoder_model(folder: Path | str) -> EncoderTextModel:
    """Read a model that `EncoderTextModel.save` wrote: strictly, and with no code of its own.

    Raises:
        InputError: when a file is missing or malformed, a weight is missing or too much, or the parts do not fit
            together.
    """
    folder = Path(folder)
    about = store.read_json(folder / ENCODER_FILE)
    keys = ("format", "task", "labels", "max_tokens", "centre", "scale")
    if not isinstance(about, dict) or sorted(about) != sorted(keys) or about["format"] != FORMAT:
        raise InputError(
            f"{folder / ENCODER_FILE}: is not a file of format {FORMAT}; train the discriminators again (discriminate)"
        )
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            loaded: Any = AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
        model, information = loaded
        wrong = [name for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in information[kind]]
        if wrong:
            raise InputError(f"the weights do not fit the model, such as {wrong[0]}")
        model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        return EncoderTextModel(
            task=about["task"],
            labels=tuple(about["labels"]),
            model=model,
            tokenizer=tokenizer,
            max_tokens=about["max_tokens"],
            centre=about["centre"],
            scale=about["scale"],
        )
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    except torch.OutOfMemoryError:
        raise  # of a whole model
    except LOADING_ERRORS as error:
        raise InputError(f"{folder}: cannot be loaded: {reason_of(error)}") from error


def encode(tokenizer: Any, texts: Sequence[str], max_tokens: int | None) -> list[list[int]]:
    """The first tokens of each text (None: all), at least one."""
    encoded = tokenizer([*texts, STAND_IN], truncation=max_tokens is not None, max_length=max_tokens)["input_ids"]
    return [tokens or encoded[-1] for tokens in encoded[:-1]]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers: a new head, and a language model's head that is left out, are expected."""
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
