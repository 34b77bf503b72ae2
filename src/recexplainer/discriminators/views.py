"""One question put to several readers of the same explanations: to words, to an encoder, and to controls.

A reader learns from the whole texts, and from the texts without their verdict. The controls see the length alone and
the verdict alone; they are a few columns, and the same for every reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from recexplainer.core.settings import Encoder
from recexplainer.discriminators.features import has_words, length_features, mask_verdict, verdict_features
from recexplainer.discriminators.fitting import fit_columns, fit_nothing, fit_words
from recexplainer.discriminators.text_model import TextModel

MASKED, LENGTH, VERDICT = "verdict_masked", "length_only", "verdict_only"
WORDS, ENCODER = "text", "encoder"  # the readers, and their views of the whole text
MASKED_VIEW = {WORDS: MASKED, ENCODER: f"{ENCODER}_{MASKED}"}

Fit = Callable[[str, Sequence[str], np.ndarray], TextModel]  # task, texts, answers → the fitted model


@dataclass(frozen=True)
class Rows:
    """What one discriminator reads: one row per explanation."""

    texts: list[str]
    verdicts: list[str | None]
    answers: np.ndarray  # labels or scores
    in_test: np.ndarray


def make_readers(max_features: int, encoder: Encoder | None, seed: int) -> dict[str, Fit]:
    """How each reader is fitted; without an encoder there is one that counts words.

    torch is imported for an encoder alone.
    """
    readers: dict[str, Fit] = {WORDS: partial(fit_words, max_features=max_features)}
    if encoder is not None:
        from recexplainer.discriminators.fine_tuning import fine_tune

        readers[ENCODER] = partial(fine_tune, settings=encoder, seed=seed)
    return readers


def predict_views(
    task: str, rows: Rows, readers: Mapping[str, Fit]
) -> tuple[dict[str, np.ndarray], dict[str, TextModel]]:
    """Fit every view on the training rows and predict the test rows.

    Returns:
        Predictions ``(n_test,)`` by view: each reader's on whole texts (its name) and on masked ones
        (`MASKED_VIEW`), and the controls'; and each reader's model on whole texts.

    Raises:
        InputError: when a reader cannot learn from the texts.
    """
    train, test = np.flatnonzero(~rows.in_test), np.flatnonzero(rows.in_test)
    answers = rows.answers[train]
    masked = [mask_verdict(text) for text in rows.texts]
    models, predictions = {}, {}
    for reader, fit in readers.items():
        models[reader] = fit(task, _at(rows.texts, train), answers)
        predictions[reader] = models[reader].predict(_at(rows.texts, test))
        if has_words(_at(masked, train)):
            predictions[MASKED_VIEW[reader]] = fit(task, _at(masked, train), answers).predict(_at(masked, test))
        else:
            predictions[MASKED_VIEW[reader]] = fit_nothing(task, answers).predict(test[:, None])
    for view, columns in ((LENGTH, length_features(rows.texts)), (VERDICT, verdict_features(rows.verdicts))):
        predictions[view] = fit_columns(task, columns[train], answers).predict(columns[test])
    return predictions, models


def _at(texts: Sequence[str], places: np.ndarray) -> list[str]:
    return [texts[place] for place in places]
