import numpy as np

from recexplainer.discriminators.features import length_features, mask_verdict, verdict_features


def test_masking_removes_every_verdict_word_but_not_words_that_contain_one():
    masked = mask_verdict("No! The user has no notable taste for Nova. yes, Yes")
    assert masked == "The user has notable taste for Nova. "


def test_masked_texts_of_opposite_verdicts_are_equal():
    assert mask_verdict("Yes. It fits.") == mask_verdict("No. It fits.") == "It fits."


def test_length_counts_characters_words_and_sentences():
    features = length_features(["Yes. It fits!", ""])
    np.testing.assert_allclose(np.expm1(features), [[13, 3, 2], [0, 0, 0]])


def test_no_texts_give_no_rows():
    assert length_features([]).shape == (0, 3)
    assert verdict_features([]).shape == (0, 2)


def test_a_missing_verdict_is_neither_yes_nor_no():
    assert verdict_features(["Yes", None, "No"]).tolist() == [[1, 0], [0, 0], [0, 1]]
