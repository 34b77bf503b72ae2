"""A linear model over TF-IDF words, kept as JSON and safetensors: nothing in it can run code when loaded.

scikit-learn fits it and reads its texts; the files hold its numbers alone, so that equal models are equal files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.discriminators.text_model import ENCODER_FILE, TextModel, check_task

CONFIG_FILE, WEIGHTS_FILE = "config.json", "weights.safetensors"
FORMAT = "linear-text-model/1"
TOKEN_PATTERN = r"\w+"  # single characters count: "Ember V" and "Ember X" are two games


def make_vectoriser(max_ngram: int, **choices: Any) -> TfidfVectorizer:
    """Word n-grams of lower-cased text up to so many words, sublinear TF-IDF, rows of unit length.

    Args:
        max_ngram: Longest n-gram, in words.
        choices: Further arguments of scikit-learn's vectoriser: ``max_features`` or ``vocabulary``.
    """
    return TfidfVectorizer(ngram_range=(1, max_ngram), token_pattern=TOKEN_PATTERN, sublinear_tf=True, **choices)


@dataclass(frozen=True)
class LinearTextModel(TextModel):
    """Word n-grams → sublinear TF-IDF of unit length → linear scores.

    Attributes:
        task: ``classify`` or ``regress``.
        labels: The classes in the order of the rows of ``coefficients``; empty for ``regress``.
        vocabulary: Terms (n-grams joined by a blank) in the order of the columns.
        idf: float64 ``(n_terms,)``.
        coefficients: float64 ``(n_outputs, n_terms)``; one row for ``regress`` and for two classes.
        intercepts: float64 ``(n_outputs,)``.
        max_ngram: Longest n-gram, in words.
    """

    task: str
    labels: tuple[str, ...]
    vocabulary: tuple[str, ...]
    idf: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    max_ngram: int
    _words: TfidfVectorizer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            InputError: when they do not.
        """
        n_terms, n_labels = len(self.vocabulary), len(self.labels)
        n_outputs = 1 if self.task == "regress" or n_labels == 2 else n_labels
        expected = {"idf": (n_terms,), "coefficients": (n_outputs, n_terms), "intercepts": (n_outputs,)}
        check_task(self.task, self.labels)
        if len(set(self.vocabulary)) != n_terms or self.max_ngram < 1:
            raise InputError("text model: the vocabulary repeats a term, or max_ngram is below 1")
        for name, shape in expected.items():
            value = getattr(self, name)
            if value.shape != shape or value.dtype != np.float64 or not np.isfinite(value).all():
                raise InputError(f"text model: {name} must be finite float64 {shape}, not {value.dtype} {value.shape}")
        words = make_vectoriser(self.max_ngram, vocabulary=self.vocabulary)
        words.idf_ = self.idf
        object.__setattr__(self, "_words", words)

    def outputs(self, texts: Sequence[str]) -> np.ndarray:
        """The linear scores, of each label or the one; of two classes the first one's are 0."""
        scores = np.asarray(self._words.transform(texts) @ self.coefficients.T + self.intercepts)
        if len(self.labels) == 2:
            scores = np.hstack([np.zeros_like(scores), scores])
        return scores

    def save(self, folder: Path) -> None:
        """Write the model to a folder, which appears whole or not at all."""
        config = {
            "format": FORMAT,
            "task": self.task,
            "labels": list(self.labels),
            "max_ngram": self.max_ngram,
            "token_pattern": TOKEN_PATTERN,
            "vocabulary": list(self.vocabulary),
        }
        with store.atomic_path(folder) as temporary:
            temporary.mkdir()
            store.write_json(temporary / CONFIG_FILE, config)
            arrays = {name: getattr(self, name) for name in ("idf", "coefficients", "intercepts")}
            save_file(
                {name: np.ascontiguousarray(array) for name, array in arrays.items()},
                temporary / WEIGHTS_FILE,
            )


def load_text_model(folder: Path | str) -> LinearTextModel:
    """Read a model that `LinearTextModel.save` wrote.

    Raises:
        InputError: when a file is missing or malformed, or the parts do not fit together.
    """
    folder = Path(folder)
    config = store.read_json(folder / CONFIG_FILE)
    arrays = _read_arrays(folder / WEIGHTS_FILE)
    keys = ("format", "task", "labels", "max_ngram", "token_pattern", "vocabulary")
    if not isinstance(config, dict) or sorted(config) != sorted(keys) or config["format"] != FORMAT:
        raise InputError(
            f"{folder / CONFIG_FILE}: is not a file of format {FORMAT}; train the discriminators again (discriminate)"
        )
    if config["token_pattern"] != TOKEN_PATTERN:
        raise InputError(f"{folder / CONFIG_FILE}: token_pattern must be {TOKEN_PATTERN!r}")
    if sorted(arrays) != ["coefficients", "idf", "intercepts"]:
        raise InputError(f"{folder / WEIGHTS_FILE}: expected coefficients, idf and intercepts, not {sorted(arrays)}")
    try:
        return LinearTextModel(
            task=config["task"],
            labels=tuple(config["labels"]),
            vocabulary=tuple(config["vocabulary"]),
            max_ngram=config["max_ngram"],
            **arrays,
        )
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None


def load_discriminator(folder: Path | str) -> TextModel:
    """Whichever model reads explanations from a folder: this one, or a fine-tuned encoder, which alone needs torch.

    Raises:
        InputError: when the folder holds neither, or what it holds is damaged.
    """
    if (Path(folder) / ENCODER_FILE).exists():
        from recexplainer.discriminators.encoder import load_encoder_model

        return load_encoder_model(folder)
    return load_text_model(folder)


def _read_arrays(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as safetensors: {' '.join(str(error).split())}") from None
