"""Distinction and coherence: can one tell who wrote a text, and does the text carry the recommender's score?

Source: the paper's two discriminators. Departures: linear models over TF-IDF words in place of fine-tuned
encoders; the test users are other users than the training users; and every figure stands beside what the
text's length and its verdict alone achieve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recexplainer.discriminators import bootstrap
from recexplainer.discriminators.cases import ExplainedCases, Record, join_cases
from recexplainer.discriminators.features import has_words, length_features, mask_verdict, verdict_features
from recexplainer.discriminators.fitting import fit_columns, fit_nothing, fit_text_pipeline, to_text_model
from recexplainer.discriminators.model import LinearTextModel
from recexplainer.errors import InputError

VIEWS = ("text", "verdict_masked", "length_only", "verdict_only")
N_DRAWS = 1000

Figures = dict[str, Any]


@dataclass(frozen=True)
class _Rows:
    """What one discriminator reads: one row per explanation."""

    texts: list[str]
    verdicts: list[str | None]
    answers: np.ndarray  # labels or scores
    in_test: np.ndarray
    weights: np.ndarray  # bootstrap draws over the test rows, (1 + n_draws, n_test)


def train_discriminators(
    explanations: Mapping[str, Sequence[Record]], test_fraction: float, max_features: int, seed: int
) -> tuple[dict[str, Any], dict[str, LinearTextModel]]:
    """Train and measure the source classifier and one score predictor per source.

    Args:
        explanations: Per source, its explanation records.
        test_fraction: Share of users that are tested on, decided by hash.
        max_features: How many terms a model keeps.
        seed: Of the split and of the resampling.

    Returns:
        The metrics, and per role (``source-classifier``, ``score-predictor-<source>``) the model on
        whole texts.

    Raises:
        InputError: see `join_cases`; or when the texts of the training side hold no word at all.
    """
    cases = join_cases(explanations, test_fraction, seed)
    weights = bootstrap.draw_weights(cases.user_ids[cases.in_test], N_DRAWS, np.random.default_rng(seed))
    models: dict[str, LinearTextModel] = {}
    classifier, models["source-classifier"] = _source_classifier(cases, weights, max_features)
    predictors: dict[str, Figures] = {}
    errors: dict[str, dict[str, np.ndarray]] = {}
    for source in cases.sources:
        figures, errors[source], model = _score_predictor(cases, source, weights, max_features)
        predictors[source], models[f"score-predictor-{source}"] = figures, model
    metrics = {
        **_counts(cases),
        "source_classifier": classifier,
        "score_predictor": predictors,
        "mse_differences": _mse_differences(errors, weights),
    }
    return metrics, models


def _counts(cases: ExplainedCases) -> dict[str, Any]:
    users = cases.user_ids
    return {
        "n_cases": len(users),
        "n_dropped": cases.n_dropped,
        "n_train_users": len(np.unique(users[~cases.in_test])),
        "n_test_users": len(np.unique(users[cases.in_test])),
        "n_test_cases": int(cases.in_test.sum()),
    }


def _source_classifier(
    cases: ExplainedCases, weights: np.ndarray, max_features: int
) -> tuple[Figures, LinearTextModel]:
    sources, n_cases = cases.sources, len(cases.user_ids)
    rows = _Rows(
        texts=[text for source in sources for text in cases.texts(source)],
        verdicts=[verdict for source in sources for verdict in cases.verdicts(source)],
        answers=np.repeat(np.asarray(sources), n_cases),
        in_test=np.tile(cases.in_test, len(sources)),
        weights=np.tile(weights, (1, len(sources))),
    )
    predictions, model = _predict_views("classify", rows, max_features)
    train = rows.answers[~rows.in_test]
    labels, counts = np.unique(train, return_counts=True)
    predictions["majority"] = np.full(int(rows.in_test.sum()), labels[counts.argmax()])
    truth = rows.answers[rows.in_test]
    figures = {view: _classifier_figures(truth, given, sources, rows.weights) for view, given in predictions.items()}
    return figures, model


def _score_predictor(
    cases: ExplainedCases, source: str, weights: np.ndarray, max_features: int
) -> tuple[Figures, dict[str, np.ndarray], LinearTextModel]:
    """Figures and squared errors ``(n_test,)`` per view, and the model on whole texts."""
    rows = _Rows(cases.texts(source), cases.verdicts(source), cases.scores, cases.in_test, weights)
    predictions, model = _predict_views("regress", rows, max_features)
    truth = rows.answers[rows.in_test]
    predictions["mean"] = np.full(len(truth), rows.answers[~rows.in_test].mean())
    figures = {view: _predictor_figures(truth, given, weights) for view, given in predictions.items()}
    return figures, {view: (truth - given) ** 2 for view, given in predictions.items()}, model


def _predict_views(task: str, rows: _Rows, max_features: int) -> tuple[dict[str, np.ndarray], LinearTextModel]:
    """Fit each view on the training rows and predict the test rows; the model is the one on whole texts."""
    train, test = np.flatnonzero(~rows.in_test), np.flatnonzero(rows.in_test)
    predictions: dict[str, np.ndarray] = {}
    for view, texts in (
        ("text", rows.texts),
        ("verdict_masked", [mask_verdict(text) for text in rows.texts]),
    ):
        if view == "verdict_masked" and not has_words(texts[row] for row in train):
            predictions[view] = fit_nothing(task, rows.answers[train]).predict(test[:, None])
            continue
        try:
            pipeline = fit_text_pipeline(task, [texts[row] for row in train], rows.answers[train], max_features)
        except ValueError as error:
            raise InputError(f"discriminate: cannot learn from the explanations' words ({view}): {error}") from None
        if view == "text":
            model = to_text_model(task, pipeline)
            predictions[view] = model.predict([texts[row] for row in test])
        else:
            predictions[view] = pipeline.predict([texts[row] for row in test])
    for view, columns in (
        ("length_only", length_features(rows.texts)),
        ("verdict_only", verdict_features(rows.verdicts)),
    ):
        predictions[view] = fit_columns(task, columns[train], rows.answers[train]).predict(columns[test])
    return predictions, model


def _classifier_figures(
    truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str], weights: np.ndarray
) -> Figures:
    """Accuracy and confusion counts: one row per true source, one column per predicted source."""
    confusion = [[int(((truth == true) & (predicted == given)).sum()) for given in labels] for true in labels]
    right = (truth == predicted).astype(np.float64)
    accuracy = bootstrap.summarise("accuracy", bootstrap.weighted_mean(right, weights))
    return {**accuracy, "confusion": confusion, "labels": list(labels)}


def _predictor_figures(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> Figures:
    squared = (truth - predicted) ** 2
    return {
        **bootstrap.summarise("mse", bootstrap.weighted_mean(squared, weights)),
        **bootstrap.summarise("r2", bootstrap.r_squared(truth, predicted, weights)),
        **bootstrap.summarise("spearman", bootstrap.spearman(truth, predicted, weights)),
    }


def _mse_differences(errors: dict[str, dict[str, np.ndarray]], weights: np.ndarray) -> dict[str, Any]:
    """Paired differences of squared error on the same test cases; below 0: the first predicts better."""
    baseline = errors.get("none")
    result: dict[str, Any] = {}
    for source, views in errors.items():
        pairs = {f"text_minus_{control}": (views["text"], views[control]) for control in VIEWS[1:]}
        if baseline is not None and source != "none":
            pairs["text_minus_text_of_none"] = (views["text"], baseline["text"])
        result[source] = {name: bootstrap.difference(a, b, weights) for name, (a, b) in pairs.items()}
    return result
