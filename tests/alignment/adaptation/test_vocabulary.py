"""New words for a tokenizer that keeps its old ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from recexplainer.alignment.adaptation.vocabulary import extend_embeddings, extend_tokenizer, learn_merges
from tests.conftest import REPOSITORY

BASE = REPOSITORY / "demo_llm" / "model"
TEXTS = ["Zorblax Quest (Gribble 9)", "Zorblax Quest II (Gribble 9)", "Wuzzle: Zorblax Edition (Gribble 9)"]


def test_the_most_frequent_pair_is_merged_first() -> None:
    words = Counter({("a", "b", "c"): 3, ("a", "b"): 2, ("b", "c"): 4, ("d", "e"): 1})
    # b-c stands 7 times, a-b 5 times; once b-c is one token, a-b is left twice and a-bc three times
    assert learn_merges(words, 9, 2) == [("b", "c"), ("a", "bc"), ("a", "b")]
    assert learn_merges(words, 1, 2) == [("b", "c")]
    assert learn_merges(Counter({("x", "x", "x", "x"): 2}), 9, 2) == [("x", "x"), ("xx", "xx")]


def test_old_words_keep_their_tokens_and_new_ones_need_fewer() -> None:
    old = AutoTokenizer.from_pretrained(BASE)
    new, parts = extend_tokenizer(old, TEXTS, 40)
    assert len(new) == len(old) + len(parts) and 0 < len(parts) <= 40
    known = "This user plays Racing games. Is this item in the history?"
    assert new(known)["input_ids"] == old(known)["input_ids"]
    for text in TEXTS:
        ids = new(text)["input_ids"]
        assert new.decode(ids) == text and len(ids) < 0.7 * len(old(text)["input_ids"])
    for number, (left, right) in enumerate(parts, start=len(old)):
        assert max(left, right) < number
        assert new.decode([left, right]) == new.decode([number])


def test_it_outlives_saving(tmp_path: Any) -> None:
    new, _ = extend_tokenizer(AutoTokenizer.from_pretrained(BASE), TEXTS, 40)
    new.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert [again(text)["input_ids"] for text in TEXTS] == [new(text)["input_ids"] for text in TEXTS]
    assert again.chat_template == new.chat_template


def test_a_new_word_starts_between_its_parts() -> None:
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    n_old = model.get_input_embeddings().weight.shape[0]
    before = model.get_output_embeddings().weight.detach().clone()
    extend_embeddings(model, [(5, 9), (n_old, 7)])
    for table in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
        assert table.shape[0] == n_old + 2
        assert torch.equal(table[n_old], (table[5] + table[9]) / 2)
        assert torch.equal(table[n_old + 1], (table[n_old] + table[7]) / 2)
    assert torch.equal(model.get_output_embeddings().weight[:n_old], before)
    assert model(torch.tensor([[n_old + 1]])).logits.shape[-1] == n_old + 2


@pytest.mark.parametrize("texts", [[], ["once"]])
def test_texts_that_repeat_nothing_add_nothing(texts: list[str]) -> None:
    old = AutoTokenizer.from_pretrained(BASE)
    new, parts = extend_tokenizer(old, texts, 40)
    assert parts == [] and len(new) == len(old)
