"""Fitting by scikit-learn: linear models over words, and over the few columns of a control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from recexplainer.core.errors import InputError
from recexplainer.discriminators.model import LinearTextModel, make_vectoriser

MAX_NGRAM = 2
INVERSE_REGULARISATION = 10.0  # of the classifier; TF-IDF rows have unit length, so 1.0 underfits short texts
RIDGE_PENALTIES = (
    0.03,
    0.1,
    0.3,
    1.0,
    3.0,
    10.0,
    30.0,
)  # one is chosen by leave-one-out inside the training part


def fit_words(task: str, texts: Sequence[str], answers: np.ndarray, max_features: int) -> LinearTextModel:
    """Fit a linear model over words (see `fit_text_pipeline`).

    Raises:
        InputError: when the texts hold no word that could be learnt from.
    """
    try:
        return to_text_model(task, fit_text_pipeline(task, texts, answers, max_features))
    except ValueError as error:
        raise InputError(f"discriminate: cannot learn from the explanations' words: {error}") from None


def fit_text_pipeline(task: str, texts: Sequence[str], answers: np.ndarray, max_features: int) -> Pipeline:
    """Fit TF-IDF over word 1- and 2-grams and a linear model.

    Args:
        task: ``classify`` (answers are labels) or ``regress`` (answers are scores).
        texts: One text per row.
        answers: ``(n_texts,)``.
        max_features: How many terms are kept, the most frequent first.
    """
    words = make_vectoriser(MAX_NGRAM, max_features=max_features)
    return make_pipeline(words, _linear(task)).fit(texts, answers)


def fit_columns(task: str, columns: np.ndarray, answers: np.ndarray) -> Any:
    """Fit the same linear model on the few numeric columns of a control, standardised."""
    return make_pipeline(StandardScaler(), _linear(task)).fit(columns, answers)


def fit_nothing(task: str, answers: np.ndarray) -> Any:
    """What can be said without reading anything: the most frequent label, or the mean; for explanations that hold
    nothing but a verdict.
    """
    dummy = DummyClassifier(strategy="most_frequent") if task == "classify" else DummyRegressor()
    return dummy.fit(np.zeros((len(answers), 1)), answers)


def to_text_model(task: str, pipeline: Pipeline) -> LinearTextModel:
    """Take a fitted pipeline's numbers out of scikit-learn."""
    words, linear = pipeline.steps[0][1], pipeline.steps[1][1]
    return LinearTextModel(
        task=task,
        labels=tuple(str(label) for label in linear.classes_) if task == "classify" else (),
        vocabulary=tuple(str(term) for term in words.get_feature_names_out()),
        idf=np.asarray(words.idf_, dtype=np.float64),
        coefficients=np.atleast_2d(np.asarray(linear.coef_, dtype=np.float64)),
        intercepts=np.atleast_1d(np.asarray(linear.intercept_, dtype=np.float64)),
        max_ngram=words.ngram_range[1],
    )


def _linear(task: str) -> Any:
    if task == "classify":
        return LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000)
    return RidgeCV(alphas=RIDGE_PENALTIES)
