import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from recexplainer.core.errors import InputError
from recexplainer.discriminators.encoder import EncoderTextModel, load_encoder_model
from recexplainer.discriminators.fine_tuning import fine_tune
from recexplainer.discriminators.model import LinearTextModel, load_discriminator
from tests import tiny
from tests.discriminators.encoders import encoder_settings, write_encoder

TEXTS = ["yes. taste for racing", "no. it is hard to say; some people may enjoy such things", "perhaps", ""]


@pytest.fixture(scope="module", params=["bert", "llama"])
def model(request, tmp_path_factory):
    base = write_encoder(tmp_path_factory.mktemp("encoder") / "base", request.param)
    settings = encoder_settings(base, max_tokens=8)
    return fine_tune("regress", TEXTS, np.array([1.0, 5.0, 2.0, 3.0]), settings, seed=3)


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def test_a_texts_prediction_does_not_hang_on_its_batch(model):
    together = model.predict(TEXTS)
    assert len(np.unique(together)) == len(TEXTS)
    np.testing.assert_allclose([model.predict([text])[0] for text in TEXTS], together, atol=1e-5)
    np.testing.assert_array_equal(model.predict(TEXTS[::-1]), together[::-1])
    assert model.predict([]).shape == (0,)


def test_outputs_are_scores_around_the_centre(model):
    of_the_head = replace(model, centre=0.0, scale=1.0).outputs(TEXTS)[:, 0]
    np.testing.assert_allclose(model.predict(TEXTS), model.centre + model.scale * of_the_head)
    assert (model.centre, model.scale) == (2.75, pytest.approx(np.std([1.0, 5.0, 2.0, 3.0])))


def test_what_stands_behind_the_last_token_is_not_read_and_counted(model):
    long = "taste " * 7
    np.testing.assert_array_equal(model.predict([long + "for racing"]), model.predict([long + "for puzzle"]))
    about = model.about(TEXTS)
    assert (about["n_layers"], about["n_cut_texts"]) == (2, 1)
    assert about["n_parameters"] == sum(array.numel() for array in model.model.state_dict().values())


def test_nothing_but_json_and_safetensors_is_written(saved):
    assert {path.suffix for path in saved.iterdir()} == {".json", ".safetensors"}
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_any_discriminator_is_loaded_by_what_its_folder_holds(saved, tmp_path):
    LinearTextModel("regress", (), ("a",), np.ones(1), np.ones((1, 1)), np.zeros(1), 1).save(tmp_path / "linear")
    assert isinstance(load_discriminator(saved), EncoderTextModel)
    assert isinstance(load_discriminator(tmp_path / "linear"), LinearTextModel)
    with pytest.raises(InputError, match="config.json: no such file"):
        load_discriminator(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not a file of format encoder-text-model/1"),
        ({"extra": 1}, "is not a file of format encoder-text-model/1"),
        ({"task": "classify"}, "does not fit 0 labels"),
        ({"task": "classify", "labels": ["a", "b"]}, "the head has 1 outputs, not 2"),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"scale": "1"}, "cannot be loaded"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(saved, change, message):
    path = saved / "discriminator.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_encoder_model(saved)


@pytest.mark.parametrize("damage", ["missing", "too much", "no safetensors"])
def test_weights_that_do_not_fit_are_refused(saved, damage):
    path = saved / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "layer" in name)
    if damage == "missing":
        save_file({key: array for key, array in weights.items() if key != name}, path, {"format": "pt"})
    elif damage == "too much":
        save_file(weights | {f"{name}.more": weights[name].clone()}, path, {"format": "pt"})
    else:
        path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="the weights do not fit the model, such as|cannot be loaded"):
        load_encoder_model(saved)


def test_a_lack_of_memory_is_not_taken_for_a_damaged_encoder(saved, monkeypatch):
    monkeypatch.setattr(AutoModelForSequenceClassification, "from_pretrained", tiny.out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        load_encoder_model(saved)
