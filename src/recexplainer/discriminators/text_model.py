"""What all models share that read an explanation: what they can do, and what is checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recexplainer.core.errors import InputError

TASKS = ("classify", "regress")
ENCODER_FILE = "discriminator.json"  # in a fine-tuned encoder's folder, next to the files that transformers writes


class TextModel(ABC):
    """Predicts an explanation's source or score from its text.

    Attributes:
        task: ``classify`` or ``regress``.
        labels: The classes in the order of the outputs; empty for ``regress``.
    """

    task: str
    labels: tuple[str, ...]

    @abstractmethod
    def outputs(self, texts: Sequence[str]) -> np.ndarray:
        """A number per label, the greatest for the likeliest, or the score: float64 ``(n_texts, n_outputs)``."""

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The likeliest label of each text, or its score: ``(n_texts,)``."""
        outputs = self.outputs(texts)
        return outputs[:, 0] if self.task == "regress" else np.asarray(self.labels)[outputs.argmax(axis=1)]

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model to a folder, which appears whole or not at all."""


def check_task(task: str, labels: Sequence[str]) -> None:
    """Check that a model's task is known and goes with its labels.

    Raises:
        InputError: when it does not.
    """
    if task not in TASKS or (task == "classify") != (len(labels) >= 2):
        raise InputError(f"text model: task {task!r} does not fit {len(labels)} labels")
