from __future__ import annotations

import json
import re

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from recexplainer.alignment.adaptation.vocabulary import extend_tokenizer
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.facts import facts_of
from recexplainer.data.catalogue import Catalogue
from recexplainer.llm import decoding
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.guided import writing
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.tokens import TokenTexts
from recexplainer.llm.guided.writing import write
from recexplainer.prompting.chat import Encoded
from tests import tiny
from tests.conftest import REPOSITORY

USERS = tiny.some_user_vectors()


def freely(explainer: Explainer, prompts: list[Encoded]) -> list[str]:
    """What generation without a guide writes, but for a letter that is cut at the end."""
    return [text.rstrip("\ufffd") for text in decoding.generate(explainer, prompts, 12, 3, USERS, strip=False)]


def test_without_guides_texts_are_those_of_free_generation(explainer: Explainer, prompts: list[Encoded]) -> None:
    free = freely(explainer, prompts)
    found = write(explainer, prompts, [""] * len(prompts), [None] * len(prompts), 12, 3, USERS)
    assert [written.text for written in found] == free
    assert all(w.n_titles == w.n_facts == 0 for w in found)


def test_the_vocabulary_is_decoded_once(
    explainer: Explainer, prompts: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[TokenTexts] = []
    writing._token_texts.cache_clear()
    monkeypatch.setattr(writing, "TokenTexts", lambda tokenizer: made.append(TokenTexts(tokenizer)) or made[-1])
    for _ in range(3):
        write(explainer, prompts[:1], [""], [None], 2, 1, USERS)
    assert len(made) == 1


def test_guides_change_no_text_without_a_title(explainer: Explainer, prompts: list[Encoded]) -> None:
    free = freely(explainer, prompts)
    guides = [Guide(tiny.catalogue(), 1, [2, 3], [2]) for _ in prompts]
    found = write(explainer, prompts, [""] * len(prompts), guides, 12, 3, USERS)
    plain = [n for n, text in enumerate(free) if '"' not in text]
    assert plain and [found[n].text for n in plain] == [free[n] for n in plain]


@pytest.mark.parametrize("batch_size", [1, 3, 5])
def test_a_model_that_loves_quotation_marks_names_only_what_it_may(
    explainer: Explainer, prompts: list[Encoded], batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = explainer.llm.get_output_embeddings()
    marks = [n for n, token in enumerate(explainer.encoder.tokenizer.convert_ids_to_tokens(range(420))) if '"' in token]

    def louder(_module: object, _given: object, logits: torch.Tensor) -> torch.Tensor:
        return logits.index_add(-1, torch.tensor(marks), torch.full((*logits.shape[:-1], len(marks)), 4.0))

    handle = head.register_forward_hook(louder)
    catalogue = tiny.catalogue()
    guides = [Guide(catalogue, 1, [2, 3, 4, 8], [4, 8][:n], facts_of(catalogue)) for n in (0, 1, 2, 2, 1)]
    try:
        found = write(explainer, prompts, ["Yes "] * 5, guides, 40, batch_size, USERS)
    finally:
        handle.remove()
    n_named = 0
    for written, guide in zip(found, guides, strict=True):
        cited = resolve_citations("Yes " + written.text, [2, 3, 4, 8], catalogue, 1)
        named = [m for m in cited.mentions if m.kind != "target"]
        n_named += len(cited.mentions)
        items = list(dict.fromkeys(mention.item_id for mention in named))
        assert items == list(guide.cited)[: len(items)] and cited.n_unseen == 0
    assert n_named and any(written.n_titles for written in found)


@pytest.mark.parametrize("cited", [[4, 8], None])
def test_a_token_of_a_title_is_written_behind_a_mark_only(
    explainer: Explainer, prompts: list[Encoded], cited: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that has a token for each title named titles without marks, which no guide saw."""
    head, catalogue, tokenizer = explainer.llm.get_output_embeddings(), tiny.catalogue(), explainer.encoder.tokenizer
    own = next(n for n in range(len(tokenizer)) if TokenTexts(tokenizer).pieces[n] == "Z")
    monkeypatch.setattr(TokenTexts, "titles", lambda *_: frozenset([own]))

    def louder(_module: object, _given: object, logits: torch.Tensor) -> torch.Tensor:
        return logits.index_add(-1, torch.tensor([own]), torch.full((*logits.shape[:-1], 1), 40.0))

    handle = head.register_forward_hook(louder)
    try:
        found = write(explainer, prompts, [""] * 5, [Guide(catalogue, 1, [2, 4, 8], cited)] * 5, 8, 5, USERS)
    finally:
        handle.remove()
    without_titles = [re.sub(r'"[^"]*"?', "", written.text) for written in found]
    assert any("Z" in text for text in without_titles) == (cited is None)
    assert all((written.n_titles > 0) == (cited is not None) for written in found)  # the guide stepped in


def test_titles_with_a_token_of_their_own_are_known() -> None:
    known = AutoTokenizer.from_pretrained(REPOSITORY / "demo_llm" / "model")
    catalogue = tiny.catalogue()
    extended, _ = extend_tokenizer(known, [*catalogue.titles[1:], "Puzzle", "Racing"], 40)
    texts = TokenTexts(extended)
    assert {texts.pieces[token].strip() for token in texts.titles(catalogue)} == set(extended.get_added_vocab()) & set(
        catalogue.titles[1:]
    )
    assert texts.titles(catalogue) and not TokenTexts(known).titles(catalogue)


def test_a_value_counts_as_one_however_its_items_write_it() -> None:
    """A film "Road Movie" beside a category that other films write "Road Movies": texts may say both."""
    frame = tiny.catalogue().frame.copy()
    frame["categories"] = [["Road Movies"], ["Road Movie"], *[["Games"]] * (tiny.N_ITEMS - 2)]
    names = ["Road Movie", "Ember Crown Saga", "Ember Crown Saga II"]
    frame["title"] = [*tiny.TITLES[: -len(names)], *names]
    catalogue = Catalogue(frame)
    extended, _ = extend_tokenizer(tiny.tokenizer(), ["Road Movies", *names], 10)
    texts = TokenTexts(extended)
    assert {texts.pieces[token] for token in texts.titles(catalogue)} == {"Ember Crown Saga", "Ember Crown Saga II"}


def test_a_vocabulary_may_have_holes() -> None:
    raw = json.loads(tiny.tokenizer().backend_tokenizer.to_str())
    word, number = max(raw["model"]["vocab"].items(), key=lambda pair: pair[1])
    raw["model"]["vocab"][word] = number + 30
    holed = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(raw)))
    assert len(holed) <= number + 30
    texts = TokenTexts(holed)
    assert texts.pieces[number + 30] == TokenTexts(tiny.tokenizer()).pieces[number]
    assert texts.pieces[number + 1] == "" and texts.decode([number + 30]) == texts.pieces[number + 30]
