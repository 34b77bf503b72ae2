import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.special import softmax

from recexplainer.core.errors import InputError
from recexplainer.discriminators import fine_tuning
from recexplainer.discriminators.encoder import load_encoder_model
from recexplainer.discriminators.fine_tuning import fine_tune, load_pretrained
from tests.discriminators.encoders import FAMILIES, encoder_settings, write_encoder

WORTH = {"racing": 0.0, "puzzle": 1.0, "horror": 3.0, "rhythm": 6.0}


def texts_and_scores(n=48, seed=0):
    """The score hangs on one word of the text alone."""
    rng = np.random.default_rng(seed)
    named = rng.choice(sorted(WORTH), n)
    texts = [
        f"{('yes', 'no')[row % 2]}. " + "much " * (row % 3) + f"taste for {word}" for row, word in enumerate(named)
    ]
    return texts, np.array([WORTH[word] for word in named])


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder") / "bert")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_tuned_kept_and_read_again(tmp_path, family):
    settings = encoder_settings(write_encoder(tmp_path / "base", family), epochs=1)
    texts, scores = texts_and_scores(16)
    for task, answers in (("regress", scores), ("classify", np.where(scores > 2, "both", "none"))):
        model = fine_tune(task, texts, answers, settings, seed=3)
        model.save(tmp_path / task)
        again = load_encoder_model(tmp_path / task)
        np.testing.assert_array_equal(again.predict(texts), model.predict(texts))
        assert (again.task, again.labels) == (task, ("both", "none") if task == "classify" else ())


@pytest.mark.slow
def test_a_score_that_hangs_on_a_word_is_learnt_and_a_random_one_is_not(bert):
    (texts, scores), (others, truth) = texts_and_scores(), texts_and_scores(40, seed=1)
    settings = encoder_settings(bert, epochs=12)
    learnt = fine_tune("regress", texts, scores, settings, seed=3).predict(others)
    assert 1 - np.mean((learnt - truth) ** 2) / truth.var() > 0.8
    shuffled = np.random.default_rng(5).permutation(scores)
    assert np.corrcoef(fine_tune("regress", texts, shuffled, settings, seed=3).predict(others), truth)[0, 1] ** 2 < 0.3


def test_classes_are_learnt(bert):
    (texts, scores), (others, truth) = texts_and_scores(), texts_and_scores(40, seed=1)
    answers, expected = (np.where(of > 2, "good", "bad") for of in (scores, truth))
    model = fine_tune("classify", texts, answers, encoder_settings(bert, epochs=8), seed=3)
    assert model.labels == ("bad", "good")
    assert np.mean(model.predict(others) == expected) > 0.9


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_it_begins_at_the_mean_and_at_even_odds(tmp_path, family):
    settings = encoder_settings(write_encoder(tmp_path / "base", family), epochs=1, learning_rate=1e-12)
    texts, scores = texts_and_scores(8)
    np.testing.assert_allclose(
        fine_tune("regress", texts, scores, settings, 3).predict(texts), scores.mean(), rtol=1e-5
    )
    model = fine_tune("classify", texts, np.where(scores > 2, "a", "b"), settings, 3)
    np.testing.assert_allclose(softmax(model.outputs(texts), axis=1), 0.5, atol=1e-6)


def test_the_seed_decides(bert):
    texts, scores = texts_and_scores(16)
    settings = encoder_settings(bert, epochs=1)
    first, same, other = (fine_tune("regress", texts, scores, settings, seed).predict(texts) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_rate_rises_for_a_tenth_of_the_steps(bert, monkeypatch):
    rates = []

    class Watched(fine_tuning.Trainer):
        def training_step(self, *given, **named):
            rates.append(self.lr_scheduler.get_last_lr()[0])
            return super().training_step(*given, **named)

    monkeypatch.setattr(fine_tuning, "Trainer", Watched)
    settings = encoder_settings(bert, epochs=1, batch_size=1)
    fine_tune("regress", *texts_and_scores(20), settings, seed=3)
    assert rates[:3] == pytest.approx([0, settings.learning_rate / 2, settings.learning_rate])
    assert len(rates) == 20 and (np.diff(rates[2:]) < 0).all()


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "llama"])
def test_the_lowest_layers_are_kept(tmp_path, family):
    base = write_encoder(tmp_path / "base", family)
    model, _ = load_pretrained(encoder_settings(base, n_layers=1), 0, seed=3)
    layers = {name.split(".layer")[1].split(".")[1] for name, _ in model.named_parameters() if ".layer" in name}
    assert layers == {"0"}
    found, kept = load_file(base / "model.safetensors"), model.state_dict()
    first = [(name, old) for name in kept for old in found if ".layer" in name and name.endswith(old)]
    assert first and all(torch.equal(kept[name], found[old]) for name, old in first)


def test_a_constant_score_is_predicted(bert):
    texts, _ = texts_and_scores(8)
    model = fine_tune("regress", texts, np.full(8, 2.5), encoder_settings(bert, epochs=1), seed=3)
    np.testing.assert_allclose(model.predict(texts), 2.5, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": "./nowhere"}, "./nowhere is not a folder"),
        ({"base": "no-such-org/no-such-model"}, "cannot be loaded as a classifier .there is no such folder"),
        ({"n_layers": 3}, "n_layers is 3, but .* has 2 layers"),
        ({"max_tokens": 65}, "max_tokens is 65, but .* reads at most 64"),
    ],
)
def test_settings_that_do_not_fit_are_one_clear_line(bert, changes, message):
    with pytest.raises(InputError, match=f"discriminate.encoder.*{message}"):
        load_pretrained(encoder_settings(**({"base": bert} | changes)), 0, seed=3)


def test_an_encoder_that_lacks_weights_is_refused(tmp_path):
    base = write_encoder(tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    lost = next(name for name in weights if "layer.1" in name)
    save_file(
        {name: array for name, array in weights.items() if name != lost}, base / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(InputError, match="lacks weights of the encoder, such as bert.encoder.layer.1"):
        load_pretrained(encoder_settings(base), 0, seed=3)


def test_a_pickled_encoder_is_refused(tmp_path):
    base = write_encoder(tmp_path / "base")
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be loaded as a classifier"):
        load_pretrained(encoder_settings(base), 0, seed=3)


def test_a_tokenizer_without_padding_pads_with_its_end(tmp_path):
    settings = encoder_settings(write_encoder(tmp_path / "a", pad_token=None, eos_token="[SEP]"))
    model, tokenizer = load_pretrained(settings, 0, seed=3)
    assert tokenizer.pad_token == "[SEP]" and model.config.pad_token_id == 3
    with pytest.raises(InputError, match="neither a padding nor an end token"):
        load_pretrained(encoder_settings(write_encoder(tmp_path / "b", pad_token=None)), 0, seed=3)
