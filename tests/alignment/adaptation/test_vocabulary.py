"""Titles as words of a tokenizer that keeps its old ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from recexplainer.alignment.adaptation.vocabulary import extend_embeddings, extend_tokenizer
from tests.conftest import REPOSITORY

BASE = REPOSITORY / "demo_llm" / "model"
TITLES = [
    "Zorblax Quest II",
    "Zorblax",
    "Amélie (2001)",
    "千と千尋 の神隠し",
    'Wuzzle: "Zorblax" Edition',
    "Wuzzle, The  (1999)",
]


def test_a_title_is_one_token_and_comes_back_letter_by_letter() -> None:
    old = AutoTokenizer.from_pretrained(BASE)
    new, parts = extend_tokenizer(old, TITLES, 40)
    assert len(new) == len(old) + len(TITLES)
    for number, title in enumerate(TITLES):
        assert new(title)["input_ids"] == [len(old) + number]
        assert old.decode(parts[number]) == title
        for text in (f'Yes. "{title}" is like it.', f" {title} (Gribble)", f"{title}\n{title}"):
            ids = new(text)["input_ids"]
            assert len(old) + number in ids and new.decode(ids) == text


def test_the_longest_title_is_read_and_none_within_a_word() -> None:
    old = AutoTokenizer.from_pretrained(BASE)
    new, _ = extend_tokenizer(old, TITLES, 40)
    assert new("Zorblax Quest II")["input_ids"] == [len(old)]
    assert new("Zorblaxes")["input_ids"] == old("Zorblaxes")["input_ids"]
    known = "This user plays Racing games. Is this item in the history?"
    assert new(known)["input_ids"] == old(known)["input_ids"]


def test_short_names_and_those_that_a_token_loses_stay_as_they_are() -> None:
    old = AutoTokenizer.from_pretrained(BASE)
    lost = "Pokémonélé"  # every letter of it also stands for a byte
    new, parts = extend_tokenizer(old, ["Yes", "No", lost, "Zorblax Quest", "Zorblax Quest"], 40)
    assert len(parts) == 1 and len(new) == len(old) + 1
    for name in ("Yes", "No", lost):
        assert new(name)["input_ids"] == old(name)["input_ids"]


def test_a_title_that_spells_a_special_token_gets_no_row_of_its_own() -> None:
    """Rows without a token would give the tokens behind them the parts of others."""
    old = AutoTokenizer.from_pretrained(BASE)
    new, parts = extend_tokenizer(old, ["<|end|>", "Zorblax Quest"], 40)
    assert len(new) == len(old) + len(parts) == len(old) + 1
    assert new.convert_tokens_to_ids("<|end|>") == old.convert_tokens_to_ids("<|end|>")


def test_the_first_names_get_the_tokens() -> None:
    old = AutoTokenizer.from_pretrained(BASE)
    new, parts = extend_tokenizer(old, TITLES, 2)
    assert len(parts) == 2
    assert [len(new(title)["input_ids"]) for title in TITLES[:2]] == [1, 1]
    assert new(TITLES[2])["input_ids"] == old(TITLES[2])["input_ids"]


def test_it_outlives_saving(tmp_path: Path) -> None:
    new, _ = extend_tokenizer(AutoTokenizer.from_pretrained(BASE), TITLES, 40)
    new.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert [again(title)["input_ids"] for title in TITLES] == [new(title)["input_ids"] for title in TITLES]
    assert again.chat_template == new.chat_template


def test_a_new_word_starts_between_its_parts() -> None:
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    n_old = model.get_input_embeddings().weight.shape[0]
    before = [table.weight.detach().clone() for table in (model.get_input_embeddings(), model.get_output_embeddings())]
    parts = [[5, 9], [7, 5, 11], [20, 21]]
    extend_embeddings(model, parts)
    for old, module in zip(before, (model.get_input_embeddings(), model.get_output_embeddings()), strict=True):
        table = module.weight.detach()
        assert table.shape[0] == n_old + 3 and torch.equal(table[:n_old], old)
        means = torch.stack([old[ids].mean(dim=0) for ids in parts])
        assert torch.allclose(table[n_old:].mean(dim=0), means.mean(dim=0), atol=1e-6)
        new, apart = table[n_old:] - means.mean(dim=0), means - means.mean(dim=0)
        assert torch.cosine_similarity(new, apart).min() > 0.999
        assert (new.std() / old.std()).item() == pytest.approx(1, rel=1e-3)
    assert model(torch.tensor([[n_old + 2]])).logits.shape[-1] == n_old + 3


def test_no_new_word_changes_nothing() -> None:
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    before = model.get_input_embeddings().weight.detach().clone()
    extend_embeddings(model, [])
    assert torch.equal(model.get_input_embeddings().weight, before)
