import json
from dataclasses import replace

import numpy as np
import pytest

from recexplainer.core.errors import InputError
from recexplainer.discriminators.cases import join_cases
from recexplainer.discriminators.evaluation import train_discriminators
from tests.discriminators.conftest import make_explanations
from tests.discriminators.encoders import encoder_settings, write_encoder


@pytest.fixture(scope="module")
def trained():
    return train_discriminators(make_explanations(), 0.4, 500, seed=7)


def test_metrics_are_json_and_have_every_view_and_control(trained):
    metrics, models = trained
    json.dumps(metrics, allow_nan=False)
    views = {"text", "verdict_masked", "length_only", "verdict_only"}
    assert set(metrics["source_classifier"]) == views | {"majority"}
    assert set(metrics["score_predictor"]) == {"both", "none"}
    assert set(metrics["score_predictor"]["both"]) == views | {"mean"}
    assert set(models) == {"source-classifier", "score-predictor-both", "score-predictor-none"}
    assert metrics["n_train_users"] + metrics["n_test_users"] == 60


def test_source_is_told_by_style_but_not_by_the_verdict(trained):
    metrics, _ = trained
    classifier = metrics["source_classifier"]
    assert classifier["text"]["accuracy"] == 1.0
    assert classifier["verdict_masked"]["accuracy"] == 1.0
    assert classifier["verdict_only"]["accuracy"] == pytest.approx(0.5)
    assert classifier["majority"]["accuracy"] == pytest.approx(0.5)
    n = metrics["n_test_cases"]
    assert classifier["text"]["labels"] == ["both", "none"]
    assert classifier["text"]["confusion"] == [[n, 0], [0, n]]


def test_text_that_carries_the_score_beats_the_verdict_and_a_text_that_does_not(trained):
    metrics, _ = trained
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
            source: [replace(r, text=" ".join(rng.choice(words, 12)), verdict=None) for r in rows]
            for source, rows in explanations.items()
        }
        metrics, _ = train_discriminators(random, 0.4, 500, seed=7)
        accuracies.append(metrics["source_classifier"]["text"]["accuracy"])
        r2s.append(metrics["score_predictor"]["both"]["text"]["r2"])
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.1)
    assert np.mean(r2s) < 0.05


def test_saved_models_are_those_that_were_measured(explanations, trained):
    metrics, models = trained
    cases = join_cases(explanations, 0.4, seed=7)
    texts = [text for text, tested in zip(cases.texts("both"), cases.in_test, strict=True) if tested]
    predicted = models["score-predictor-both"].predict(texts)
    mse = np.mean((predicted - cases.scores[cases.in_test]) ** 2)
    assert mse == pytest.approx(metrics["score_predictor"]["both"]["text"]["mse"])


def test_nothing_of_the_test_users_reaches_the_models(explanations, trained):
    _, models = trained
    cases = join_cases(explanations, 0.4, seed=7)
    testers = set(cases.user_ids[cases.in_test])
    spoilt = {
        source: [replace(r, text="spoilt " * 50, verdict=None) if r.user_id in testers else r for r in rows]
        for source, rows in explanations.items()
    }
    _, again = train_discriminators(spoilt, 0.4, 500, seed=7)
    for role, model in models.items():
        assert again[role].vocabulary == model.vocabulary
        np.testing.assert_array_equal(again[role].coefficients, model.coefficients)


def test_same_seed_same_figures(explanations, trained):
    assert train_discriminators(explanations, 0.4, 500, 7)[0] == trained[0]


def test_empty_texts_are_a_clear_error(explanations):
    silent = {source: [replace(record, text="") for record in rows] for source, rows in explanations.items()}
    with pytest.raises(InputError, match="cannot learn from the explanations' words"):
        train_discriminators(silent, 0.4, 500, seed=7)


def test_explanations_that_hold_a_verdict_alone_leave_nothing_to_the_masked_control(explanations):
    bare = {s: [replace(r, text=r.verdict or "No") for r in rows] for s, rows in explanations.items()}
    metrics, _ = train_discriminators(bare, 0.4, 500, seed=7)
    classifier, predictor = metrics["source_classifier"], metrics["score_predictor"]["both"]
    assert classifier["verdict_masked"]["accuracy"] == classifier["majority"]["accuracy"]
    assert predictor["verdict_masked"]["mse"] == predictor["mean"]["mse"] > predictor["verdict_only"]["mse"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return encoder_settings(write_encoder(tmp_path_factory.mktemp("encoder") / "base"))


@pytest.fixture(scope="module")
def with_encoder(encoder):
    return train_discriminators(make_explanations(), 0.4, 500, 7, encoder)


@pytest.mark.slow
def test_an_encoder_stands_beside_the_words_with_controls_of_its_own(with_encoder, encoder):
    metrics, models = with_encoder
    json.dumps(metrics, allow_nan=False)
    views = {"text", "verdict_masked", "encoder", "encoder_verdict_masked", "length_only", "verdict_only"}
    assert set(metrics["source_classifier"]) == views | {"majority"}
    assert set(metrics["score_predictor"]["both"]) == views | {"mean"}
    assert metrics["encoder"]["base"] == encoder.base and metrics["encoder"]["n_layers"] == 2
    roles = ["source-classifier", "score-predictor-both", "score-predictor-none"]
    assert sorted(models) == sorted([*roles, *(f"{role}-encoder" for role in roles)])


@pytest.mark.slow
def test_an_encoder_tells_style_and_score_and_without_the_verdict_less(with_encoder):
    classifier, predictors = with_encoder[0]["source_classifier"], with_encoder[0]["score_predictor"]
    assert classifier["encoder"]["accuracy"] == classifier["encoder_verdict_masked"]["accuracy"] == 1.0
    assert predictors["both"]["encoder_verdict_masked"]["r2"] < 0.5 < 0.6 < predictors["both"]["encoder"]["r2"]
    assert predictors["none"]["encoder_verdict_masked"]["r2"] < 0.05


@pytest.mark.slow
def test_an_encoders_error_is_compared_with_its_controls_the_words_and_none(with_encoder):
    predictors, differences = with_encoder[0]["score_predictor"], with_encoder[0]["mse_differences"]
    only_of_both = {"text_minus_text_of_none", "encoder_minus_encoder_of_none"}
    assert set(differences["both"]) - set(differences["none"]) == only_of_both
    assert {name for name in differences["none"] if name.startswith("encoder")} == {
        f"encoder_minus_{control}" for control in ("encoder_verdict_masked", "length_only", "verdict_only", "text")
    }
    expected = predictors["both"]["encoder"]["mse"] - predictors["none"]["encoder"]["mse"]
    assert differences["both"]["encoder_minus_encoder_of_none"]["difference"] == pytest.approx(expected)


@pytest.mark.slow
def test_an_encoder_changes_no_other_figure(with_encoder, explanations):
    metrics, _ = train_discriminators(explanations, 0.4, 500, seed=7)
    assert metrics["encoder"] is None
    for view, figures in metrics["source_classifier"].items():
        assert with_encoder[0]["source_classifier"][view] == figures


@pytest.mark.slow
def test_nothing_of_the_test_users_reaches_the_encoder(encoder):
    few, brief = make_explanations(n_users=18), replace(encoder, epochs=1)
    cases = join_cases(few, 0.4, seed=7)
    testers = set(cases.user_ids[cases.in_test])
    spoilt = {
        source: [replace(r, text="much " * 50, verdict=None) if r.user_id in testers else r for r in rows]
        for source, rows in few.items()
    }
    models, again = (train_discriminators(given, 0.4, 500, 7, brief)[1] for given in (few, spoilt))
    for role in ("source-classifier-encoder", "score-predictor-both-encoder"):
        np.testing.assert_array_equal(again[role].outputs(["yes. racing"]), models[role].outputs(["yes. racing"]))
