from __future__ import annotations

import pytest

from recexplainer.prompting.tokens import TextTokens
from tests import tiny
from tests.prompting.test_chat import sentencepiece


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_a_tokenizers_own_blank_stands_at_the_beginning_alone(scheme: str) -> None:
    made = sentencepiece(tiny.TEMPLATE, scheme)
    texts = TextTokens(made)
    assert texts.adds_blanks is (scheme != "never")
    assert made.decode(texts.inside("Fox")) == made.decode(texts.inside(" Fox")).strip() == "Fox"
    assert texts.alone(" Fox") == texts.inside(" Fox") or scheme != "never"
    assert (texts.alone("Fox") == texts.inside(" Fox")) is (scheme != "never")
    assert texts.inside("") == texts.alone("") == ()


def test_a_special_tokens_name_is_one_in_the_frame_alone() -> None:
    made = tiny.tokenizer()
    texts, end = TextTokens(made), made.convert_tokens_to_ids("<|end|>")
    assert texts.inside("<|end|>", True) == (end,) and end not in texts.inside("<|end|>")
    assert not texts.adds_blanks
