"""Distinction and coherence: can one tell who wrote a text, and does the text carry the recommender's score?

Source: the paper's two discriminators. Departures: the fine-tuned encoder is compared with a linear model over TF-IDF
words, which needs no pre-training; the test users are other users than the training users; and every figure stands
beside what the text's length and its verdict alone achieve, and what is left without the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recexplainer.core.records.explanation import Explanation
from recexplainer.core.settings import Encoder
from recexplainer.core.statistics.bootstrap import draw_weights
from recexplainer.core.statistics.intervals import with_interval
from recexplainer.core.statistics.weighted import r_squared, spearman, weighted_mean
from recexplainer.discriminators.cases import ExplainedCases, join_cases
from recexplainer.discriminators.text_model import TextModel
from recexplainer.discriminators.views import (
    ENCODER,
    LENGTH,
    MASKED_VIEW,
    VERDICT,
    WORDS,
    Fit,
    Rows,
    make_readers,
    predict_views,
)

N_DRAWS = 1000
ROLE_ENDS = {WORDS: "", ENCODER: "-encoder"}  # of the readers' models

Figures = dict[str, Any]


def train_discriminators(
    explanations: Mapping[str, Sequence[Explanation]],
    test_fraction: float,
    max_features: int,
    seed: int,
    encoder: Encoder | None = None,
) -> tuple[dict[str, Any], dict[str, TextModel]]:
    """Train and measure the source classifier and one score predictor per source.

    Args:
        explanations: Per source, its explanation records.
        test_fraction: Share of users that are tested on, decided by hash.
        max_features: How many terms a model over words keeps.
        seed: Of the split, of the resampling and of fine-tuning.
        encoder: What is fine-tuned besides the models over words; None: nothing.

    Returns:
        The metrics, and per role (``source-classifier``, ``score-predictor-<source>``, and the same with
        ``-encoder``) the model on whole texts.

    Raises:
        InputError: see `join_cases`; when the texts of the training side hold no word at all; or when the encoder
            cannot be loaded.
    """
    cases = join_cases(explanations, test_fraction, seed)
    weights = draw_weights(cases.user_ids[cases.in_test], N_DRAWS, np.random.default_rng(seed))
    readers = make_readers(max_features, encoder, seed)
    classifier, found = _source_classifier(cases, weights, readers)
    models = _by_role("source-classifier", found)
    predictors: dict[str, Figures] = {}
    errors: dict[str, dict[str, np.ndarray]] = {}
    for source in cases.sources:
        predictors[source], errors[source], found = _score_predictor(cases, source, weights, readers)
        models |= _by_role(f"score-predictor-{source}", found)
    metrics = {
        **_counts(cases),
        "encoder": encoder and _about(encoder, models, cases),
        "source_classifier": classifier,
        "score_predictor": predictors,
        "mse_differences": _mse_differences(errors, weights, list(readers)),
    }
    return metrics, models


def _by_role(role: str, models: Mapping[str, TextModel]) -> dict[str, TextModel]:
    return {f"{role}{ROLE_ENDS[reader]}": model for reader, model in models.items()}


def _counts(cases: ExplainedCases) -> dict[str, Any]:
    users = cases.user_ids
    return {
        "n_cases": len(users),
        "n_dropped": cases.n_dropped,
        "n_train_users": len(np.unique(users[~cases.in_test])),
        "n_test_users": len(np.unique(users[cases.in_test])),
        "n_test_cases": int(cases.in_test.sum()),
    }


def _about(encoder: Encoder, models: Mapping[str, TextModel], cases: ExplainedCases) -> dict[str, Any]:
    from recexplainer.discriminators.encoder import EncoderTextModel

    model = models[f"source-classifier{ROLE_ENDS[ENCODER]}"]
    assert isinstance(model, EncoderTextModel)
    texts = [text for source in cases.sources for text in cases.texts(source)]
    return {"base": encoder.base, "revision": encoder.revision, **model.about(texts)}


def _source_classifier(
    cases: ExplainedCases, weights: np.ndarray, readers: Mapping[str, Fit]
) -> tuple[Figures, dict[str, TextModel]]:
    """Figures per view, and each reader's model; ``weights`` are draws over the test cases ``(n_draws, n_test)``."""
    sources, n_cases = cases.sources, len(cases.user_ids)
    rows = Rows(
        texts=[text for source in sources for text in cases.texts(source)],
        verdicts=[verdict for source in sources for verdict in cases.verdicts(source)],
        answers=np.repeat(np.asarray(sources), n_cases),
        in_test=np.tile(cases.in_test, len(sources)),
    )
    predictions, models = predict_views("classify", rows, readers)
    labels, counts = np.unique(rows.answers[~rows.in_test], return_counts=True)
    predictions["majority"] = np.full(int(rows.in_test.sum()), labels[counts.argmax()])
    truth, of_rows = rows.answers[rows.in_test], np.tile(weights, (1, len(sources)))
    figures = {view: _classifier_figures(truth, given, sources, of_rows) for view, given in predictions.items()}
    return figures, models


def _score_predictor(
    cases: ExplainedCases, source: str, weights: np.ndarray, readers: Mapping[str, Fit]
) -> tuple[Figures, dict[str, np.ndarray], dict[str, TextModel]]:
    """Figures and squared errors ``(n_test,)`` per view, and each reader's model on whole texts."""
    rows = Rows(cases.texts(source), cases.verdicts(source), cases.scores, cases.in_test)
    predictions, models = predict_views("regress", rows, readers)
    truth = rows.answers[rows.in_test]
    predictions["mean"] = np.full(len(truth), rows.answers[~rows.in_test].mean())
    figures = {view: _predictor_figures(truth, given, weights) for view, given in predictions.items()}
    return figures, {view: (truth - given) ** 2 for view, given in predictions.items()}, models


def _classifier_figures(
    truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str], weights: np.ndarray
) -> Figures:
    """Accuracy and confusion counts: one row per true source, one column per predicted source."""
    confusion = [[int(((truth == true) & (predicted == given)).sum()) for given in labels] for true in labels]
    right = (truth == predicted).astype(np.float64)
    accuracy = with_interval("accuracy", weighted_mean(right, weights))
    return {**accuracy, "confusion": confusion, "labels": list(labels)}


def _predictor_figures(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> Figures:
    squared = (truth - predicted) ** 2
    return {
        **with_interval("mse", weighted_mean(squared, weights)),
        **with_interval("r2", r_squared(truth, predicted, weights)),
        **with_interval("spearman", spearman(truth, predicted, weights)),
    }


def _mse_differences(
    errors: dict[str, dict[str, np.ndarray]], weights: np.ndarray, readers: Sequence[str]
) -> dict[str, Any]:
    """Paired differences of squared error on the same test cases; below 0: the first predicts better."""
    baseline = errors.get("none")
    result: dict[str, Any] = {}
    for source, views in errors.items():
        result[source] = {}
        for reader in readers:
            compared = {control: views[control] for control in (MASKED_VIEW[reader], LENGTH, VERDICT)}
            if reader != WORDS:
                compared[WORDS] = views[WORDS]
            if baseline is not None and source != "none":
                compared[f"{reader}_of_none"] = baseline[reader]
            for name, other in compared.items():
                result[source][f"{reader}_minus_{name}"] = with_interval(
                    "difference", weighted_mean(views[reader] - other, weights)
                )
    return result
