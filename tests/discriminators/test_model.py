import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from recexplainer.core.errors import InputError
from recexplainer.discriminators.fitting import fit_text_pipeline, to_text_model
from recexplainer.discriminators.model import LinearTextModel, load_text_model

TEXTS = [
    'Yes. The user likes "Ember II" and "Ember V" very, very much.',
    "No. Nothing in the history is a racing game; the user prefers puzzles.",
    'Yes: "Café Ünïcode 3" fits, "Ember V" too.',
    "No, racing games are rare here.",
    "The user has ONE racing game, İstanbul Drift.",
    "",
    "Entirely unrelated words without overlap",
]
UNSEEN = [*TEXTS, "ember ember ember", "words never seen before: qqq", "", "ΣΊΣΥΦΟΣ Ember x"]


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"], ["b", "c", "a", "d"]])
def test_classifier_equals_scikit_learn(tmp_path, labels):
    answers = np.asarray([labels[i % len(labels)] for i in range(len(TEXTS))])
    pipeline = fit_text_pipeline("classify", TEXTS, answers, max_features=200)
    to_text_model("classify", pipeline).save(tmp_path / "model")
    model = load_text_model(tmp_path / "model")
    np.testing.assert_allclose(softmax(model.outputs(UNSEEN), axis=1), pipeline.predict_proba(UNSEEN), atol=1e-9)
    assert model.predict(UNSEEN).tolist() == pipeline.predict(UNSEEN).tolist()
    assert model.labels == tuple(sorted(labels))


def test_score_predictor_equals_scikit_learn_when_terms_are_cut(tmp_path):
    answers = np.linspace(-3.0, 9.0, len(TEXTS))
    pipeline = fit_text_pipeline("regress", TEXTS, answers, max_features=15)
    to_text_model("regress", pipeline).save(tmp_path / "model")
    model = load_text_model(tmp_path / "model")
    assert len(model.vocabulary) == 15
    np.testing.assert_allclose(model.predict(UNSEEN), pipeline.predict(UNSEEN), atol=1e-9)


def test_prediction_by_hand():
    """Two known terms, "b" twice: weights (1, 1 + ln 2) · idf (2, 1), of unit length, · (3, 5), + 0.5."""
    model = LinearTextModel("regress", (), ("a", "b"), np.array([2.0, 1.0]), np.array([[3.0, 5.0]]), np.array([0.5]), 1)
    weights = np.array([2.0, 1 + np.log(2)])
    expected = (weights / np.sqrt((weights**2).sum())) @ [3.0, 5.0] + 0.5
    np.testing.assert_allclose(model.predict(["B a, b; c", "c"]), [expected, 0.5])


def save_tiny(folder):
    LinearTextModel("classify", ("x", "y"), ("a", "b"), np.ones(2), np.ones((1, 2)), np.zeros(1), 2).save(folder)


def test_nothing_but_json_and_safetensors_is_written(tmp_path):
    save_tiny(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "weights.safetensors",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_missing_folder_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="config.json"):
        load_text_model(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "linear-text-model"),
        ({"token_pattern": "."}, "token_pattern"),
        ({"vocabulary": ["a"]}, "idf"),
        ({"vocabulary": ["a", "a"]}, "repeats"),
        ({"labels": ["x"]}, "labels"),
        ({"extra": 1}, "linear-text-model"),
    ],
)
def test_config_that_does_not_fit_is_refused(tmp_path, change, message):
    save_tiny(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_text_model(tmp_path / "model")


def test_weights_that_do_not_fit_are_refused(tmp_path):
    save_tiny(tmp_path / "model")
    path = tmp_path / "model" / "weights.safetensors"
    arrays = dict(load_file(path))
    save_file(arrays | {"idf": np.array([1.0, np.nan])}, path)
    with pytest.raises(InputError, match="idf must be finite"):
        load_text_model(tmp_path / "model")
    save_file({"idf": arrays["idf"]}, path)
    with pytest.raises(InputError, match="expected coefficients"):
        load_text_model(tmp_path / "model")
    path.write_bytes(b"not safetensors")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load_text_model(tmp_path / "model")


def test_equal_models_are_equal_files(tmp_path):
    """DVC and the registry tell models apart by their bytes."""
    for name in ("once", "twice"):
        to_text_model("regress", fit_text_pipeline("regress", TEXTS, np.arange(7.0), 15)).save(tmp_path / name)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()
