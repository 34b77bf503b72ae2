import json

import numpy as np
import pytest

from recexplainer.discriminators.cases import join_cases
from recexplainer.discriminators.evaluation import train_discriminators
from recexplainer.errors import InputError


def test_metrics_are_json_and_have_every_view_and_control(explanations):
    metrics, models = train_discriminators(explanations, 0.4, 500, seed=7)
    json.dumps(metrics, allow_nan=False)
    views = {"text", "verdict_masked", "length_only", "verdict_only"}
    assert set(metrics["source_classifier"]) == views | {"majority"}
    assert set(metrics["score_predictor"]) == {"both", "none"}
    assert set(metrics["score_predictor"]["both"]) == views | {"mean"}
    assert set(models) == {"source-classifier", "score-predictor-both", "score-predictor-none"}
    assert metrics["n_train_users"] + metrics["n_test_users"] == 60


def test_source_is_told_by_style_but_not_by_the_verdict(explanations):
    metrics, _ = train_discriminators(explanations, 0.4, 500, seed=7)
    classifier = metrics["source_classifier"]
    assert classifier["text"]["accuracy"] == 1.0
    assert classifier["verdict_masked"]["accuracy"] == 1.0
    assert classifier["verdict_only"]["accuracy"] == pytest.approx(0.5)
    assert classifier["majority"]["accuracy"] == pytest.approx(0.5)
    n = metrics["n_test_cases"]
    assert classifier["text"]["labels"] == ["both", "none"]
    assert classifier["text"]["confusion"] == [[n, 0], [0, n]]


def test_text_that_carries_the_score_beats_the_verdict_and_a_text_that_does_not(explanations):
    metrics, _ = train_discriminators(explanations, 0.4, 500, seed=7)
    both, none = metrics["score_predictor"]["both"], metrics["score_predictor"]["none"]
    assert both["text"]["mse"] < 1.0 < both["verdict_only"]["mse"]
    assert none["text"]["mse"] == pytest.approx(none["verdict_only"]["mse"], rel=0.1)
    assert none["verdict_masked"]["r2"] < 0.05
    assert both["verdict_masked"]["r2"] < both["text"]["r2"]
    assert both["mean"]["r2"] <= 0.0
    assert both["mean"]["spearman"] is None
    low, high = both["text"]["mse_interval"]
    assert low <= both["text"]["mse"] <= high
    differences = metrics["mse_differences"]
    assert differences["both"]["text_minus_verdict_only"]["difference_interval"][1] < 0
    assert differences["both"]["text_minus_text_of_none"]["difference_interval"][1] < 0
    assert "text_minus_text_of_none" not in differences["none"]


def test_random_texts_stay_at_chance(explanations):
    """The mean over eight sets of random texts: one set alone spreads by .06."""
    accuracies, r2s = [], []
    words = [f"w{i}" for i in range(40)]
    for seed in range(8):
        rng = np.random.default_rng(seed)
        random = {
            source: [r | {"text": " ".join(rng.choice(words, 12)), "verdict": None} for r in rows]
            for source, rows in explanations.items()
        }
        metrics, _ = train_discriminators(random, 0.4, 500, seed=7)
        accuracies.append(metrics["source_classifier"]["text"]["accuracy"])
        r2s.append(metrics["score_predictor"]["both"]["text"]["r2"])
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.1)
    assert np.mean(r2s) < 0.05


def test_saved_models_are_those_that_were_measured(explanations):
    metrics, models = train_discriminators(explanations, 0.4, 500, seed=7)
    cases = join_cases(explanations, 0.4, seed=7)
    texts = [text for text, tested in zip(cases.texts("both"), cases.in_test, strict=True) if tested]
    predicted = models["score-predictor-both"].predict(texts)
    mse = np.mean((predicted - cases.scores[cases.in_test]) ** 2)
    assert mse == pytest.approx(metrics["score_predictor"]["both"]["text"]["mse"])


def test_nothing_of_the_test_users_reaches_the_models(explanations):
    _, models = train_discriminators(explanations, 0.4, 500, seed=7)
    cases = join_cases(explanations, 0.4, seed=7)
    testers = set(cases.user_ids[cases.in_test])
    spoilt = {
        source: [r | {"text": "spoilt " * 50, "verdict": None} if r["user_id"] in testers else r for r in rows]
        for source, rows in explanations.items()
    }
    _, again = train_discriminators(spoilt, 0.4, 500, seed=7)
    for role, model in models.items():
        assert again[role].vocabulary == model.vocabulary
        np.testing.assert_array_equal(again[role].coefficients, model.coefficients)


def test_same_seed_same_figures(explanations):
    assert train_discriminators(explanations, 0.4, 500, 7)[0] == train_discriminators(explanations, 0.4, 500, 7)[0]


def test_empty_texts_are_a_clear_error(explanations):
    silent = {source: [record | {"text": ""} for record in rows] for source, rows in explanations.items()}
    with pytest.raises(InputError, match="cannot learn from the explanations' words"):
        train_discriminators(silent, 0.4, 500, seed=7)


def test_explanations_that_hold_a_verdict_alone_leave_nothing_to_the_masked_control(explanations):
    bare = {s: [r | {"text": r["verdict"] or "No"} for r in rows] for s, rows in explanations.items()}
    metrics, _ = train_discriminators(bare, 0.4, 500, seed=7)
    classifier, predictor = metrics["source_classifier"], metrics["score_predictor"]["both"]
    assert classifier["verdict_masked"]["accuracy"] == classifier["majority"]["accuracy"]
    assert predictor["verdict_masked"]["mse"] == predictor["mean"]["mse"] > predictor["verdict_only"]["mse"]
