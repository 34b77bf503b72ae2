"""What all models share that read an explanation: what they can do, and what is checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recexplainer.core.errors import InputError

TASKS = ("classify", "regress")
ENCODER_FILE = "discriminator.json"  # in a fine-tuned encoder's folder, beside the files that transformers writes


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
        """What the softmax of ``classify`` is taken of, float64 ``(n_texts, n_labels)``."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each label, float64 ``(n_texts, n_labels)``.

        Raises:
            InputError: for a model that predicts scores.
        """
        if self.task != "classify":
            raise InputError("text model: it predicts scores and has no classes")
        return softmax(self.outputs(texts))

    @abstractmethod
    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The likeliest label of each text, or its score: ``(n_texts,)``."""

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


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of each row's outputs ``(n_rows, n_outputs)``.

    >>> softmax(np.log([[1.0, 3.0]])).round(6).tolist()
    [[0.25, 0.75]]
    """
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
