from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoTokenizer

from recexplainer.alignment.adaptation.vocabulary import extend_tokenizer
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.facts import facts_of
from recexplainer.llm.guided.draft import Draft
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.tokens import TokenTexts
from tests import tiny
from tests.conftest import REPOSITORY
from tests.llm.guided.scripted import Scripted, sentencepiece

RUST, RUST_II, RUST_BONE, QUIET, HOSHI, SLOT, END, FOX, FOX_RUN, GATE, GARDEN, WOLF = range(1, 13)
TITLES = ["", *tiny.TITLES]


def _tokenizer(kind: str) -> Any:
    if kind in ("demo", "titles"):
        known: Any = AutoTokenizer.from_pretrained(REPOSITORY / "demo_llm" / "model")
        return known if kind == "demo" else extend_tokenizer(known, [*tiny.TITLES, "Puzzle", "Racing"], 40)[0]
    return tiny.tokenizer() if kind == "bytes" else sentencepiece(kind)


@pytest.fixture(scope="module", params=["bytes", "demo", "titles", "always", "first"])
def texts(request: pytest.FixtureRequest) -> TokenTexts:
    """Three byte-level vocabularies, one with a token for each title, and two of SentencePiece's kind."""
    return TokenTexts(_tokenizer(request.param))


def write(
    texts: TokenTexts, example: str, history: list[int], cited: list[int], target: int = RUST, **given: Any
) -> Any:
    """What comes of an example under a guide."""
    guide = Guide(tiny.catalogue(), target, history, cited)
    end = texts._tokenizer.eos_token_id
    return Scripted(texts, end, example).write(guide, **given)[0]


def test_a_title_that_is_given_up_bans_the_token_that_began_it() -> None:
    """Where marks and first letters are one token: not the token before it, of which there may be none."""
    texts = TokenTexts(sentencepiece("first"))
    guide = Guide(tiny.catalogue(), RUST_II, [FOX, RUST_BONE], [], facts_of(tiny.catalogue()))
    draft = Draft(texts, guide, "Yes", texts._tokenizer.eos_token_id, 80)
    draft.take(texts.encode(' "Amber')[0])
    [fox] = [token for token in draft.allowed or [] if "F" in texts.pieces[token]]
    draft.take(fox)
    assert draft.tokens == [] and draft._banned == {0: {fox}}


def test_pieces_are_what_tokens_write(texts: TokenTexts) -> None:
    for text in (' says "Rust II", and "Fox".', " is 星の庭 Hoshi"):
        assert texts.decode(list(texts.encode(text))) == text


def test_where_no_title_begins_a_text_is_as_without_a_guide(texts: TokenTexts) -> None:
    example = "Yes. The user has many Racing games, and this is one."
    end = texts._tokenizer.eos_token_id
    free = Scripted(texts, end, example).write(None)
    guided = Scripted(texts, end, example).write(Guide(tiny.catalogue(), RUST, [FOX], [FOX]))
    assert free == guided and "Yes" + free[0].text == example


def test_titles_are_replaced_by_the_given_ones_in_their_order(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a game, like "{Fox}" and "{Iron Wolf}", and it is new.'
    written = write(texts, example, [FOX, WOLF, GATE, GARDEN], [GARDEN, GATE])
    assert "Yes" + written.text == 'Yes. "Rust" is a game, like "Amber Garden" and "Amber Gate", and it is new.'
    assert written.n_titles == 2


def test_what_the_writer_says_anyway_is_not_counted(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a game, like "{Fox}".'
    written = write(texts, example, [WOLF, FOX], [FOX])
    assert "Yes" + written.text == 'Yes. "Rust" is a game, like "Fox".' and written.n_titles == 0


@pytest.mark.parametrize("item", range(2, 13))
def test_every_title_is_spelled_whole_and_closed(texts: TokenTexts, item: int) -> None:
    """Also those that hold quotation marks, begin one another, or look like special tokens."""
    example = 'Yes. "{Rust}" is a game, like "{Iron Man}", which the user has.'
    written = write(texts, example, [item], [item])
    assert "Yes" + written.text == f'Yes. "Rust" is a game, like "{TITLES[item]}", which the user has.'
    cited = resolve_citations("Yes" + written.text, [item], tiny.catalogue(), RUST)
    assert cited.cited_items == [item] and cited.n_unseen == 0


@pytest.mark.parametrize("target, other", [(RUST, RUST_II), (RUST_II, RUST), (FOX, FOX_RUN), (FOX_RUN, FOX)])
def test_a_title_that_begins_another_is_told_from_it(texts: TokenTexts, target: int, other: int) -> None:
    example = f'Yes. It is new. "{{{TITLES[target]}}}" is a game. It is like "{{{TITLES[other]}}}".'
    written = write(texts, example, [other, WOLF], [WOLF], target)
    assert "Yes" + written.text == f'Yes. It is new. "{TITLES[target]}" is a game. It is like "Iron Wolf".'


def test_no_title_stands_twice(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a game, like "{Rust}" and "{Fox}" and "{Fox}" and "{Rust}".'
    found = write(texts, example, [FOX, WOLF], [WOLF]).text
    assert found.count('"Iron Wolf"') == 1 and found.count('"Rust"') == 1 and "Fox" not in found


def test_without_evidence_only_the_target_is_named(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a game, like "{Fox}". "{Rust}" is new.'
    found = write(texts, example, [FOX, WOLF], []).text
    assert (
        resolve_citations(found, [FOX, WOLF], tiny.catalogue(), RUST).cited_items == [] and '"Rust" is a game' in found
    )
    assert found.count('"') % 2 == 0 and "Fox" not in found


def test_a_clause_that_can_name_nothing_ends_its_sentence(texts: TokenTexts) -> None:
    """An LLM that may not say what it would say next loses its way."""
    example = 'Yes. "{Rust}" is a Puzzle game, and the user played "{Fox}".'
    written = write(texts, example, [FOX, WOLF], [])
    assert "Yes" + written.text == 'Yes. "Rust" is a Puzzle game.' and written.n_titles == 1


def test_a_sentence_that_has_ended_is_not_ended_again() -> None:
    text = 'Yes. "Rust" is a game, like "Fox".It is like "'
    guide = Guide(tiny.catalogue(), RUST, [FOX, WOLF], [FOX])
    guide.wrote(5, 11, RUST)
    guide.wrote(28, 33, FOX)
    change = guide.look(text)
    assert (
        change is not None and set(change.results) == {None} and (text[: change.back][-2:], change.stop) == ('".', "")
    )


@pytest.mark.parametrize("n", range(4, 40))
def test_a_text_that_is_cut_has_no_unfinished_title(texts: TokenTexts, n: int) -> None:
    example = 'Yes. "{Rust}" is a game, like "{Fox on the Run}" and "{Iron Wolf}", and it is new.'
    written = write(texts, example, [FOX_RUN, WOLF], [FOX_RUN, WOLF], max_tokens=n)
    found = resolve_citations("Yes" + written.text, [FOX_RUN, WOLF], tiny.catalogue(), RUST)
    assert written.text.count('"') % 2 == 0 and found.n_unseen == 0
    assert found.cited_items == [FOX_RUN, WOLF][: len(found.cited_items)]


@pytest.mark.parametrize("n", range(4, 70))
def test_nor_where_no_single_token_closes_it(n: int) -> None:
    """Bytes write “ in three tokens, and the mark is a part of the title."""
    texts = TokenTexts(tiny.tokenizer())
    example = "Yes. “{Rust}” is new, like “{Fox on the Run}” and “{Iron Wolf}”."
    written = write(texts, example, [FOX_RUN, WOLF], [FOX_RUN, WOLF], max_tokens=n).text
    assert written.count("“") == written.count("”") and "\ufffd" not in written


@pytest.mark.parametrize("marks", ["“”", "«»", "„“"])
def test_a_title_is_closed_by_the_mark_that_fits(marks: str) -> None:
    texts = TokenTexts(tiny.tokenizer())
    opening, closing = marks
    example = f"Yes. {opening}{{Rust}}{closing} is a game, like {opening}{{Moon Racer}}{closing}."
    written = write(texts, example, [FOX, QUIET], [QUIET])
    assert "Yes" + written.text == f"Yes. {opening}Rust{closing} is a game, like {opening}{TITLES[QUIET]}{closing}."


def test_an_inch_sign_begins_no_title(texts: TokenTexts) -> None:
    example = 'Yes. It has a 24" wheel and is new.'
    written = write(texts, example, [FOX], [FOX])
    assert "Yes" + written.text == example and written.n_titles == 0


@pytest.mark.parametrize("begun", ['Yes. "Rust" is a Puzzle game', 'Yes. "Rust" is like "Fox", Horror'])
@pytest.mark.parametrize("behind", [" and", ",", "."])
def test_a_mark_that_closes_nothing_is_not_written(begun: str, behind: str) -> None:
    guide = Guide(tiny.catalogue(), RUST, [FOX], [FOX])
    guide.wrote(5, 11, RUST)
    if "Fox" in begun:
        guide.wrote(20, 25, FOX)
    assert guide.look(begun + '"') is None  # a letter may follow
    change = guide.look(begun + '"' + behind)
    assert change is not None and change.results == (None,) and change.back == len(begun)
    assert guide.look(begun + '"', ended=True) == change


def test_no_title_stands_directly_behind_belongs() -> None:
    guide = Guide(tiny.catalogue(), RUST, [FOX], [FOX])
    change = guide.look('Yes. The game belongs "')
    assert change is not None and change.results == (None,) and change.back == len("Yes. The game belongs")
    named = guide.look('Yes. The game belongs to the series of "')
    assert named is not None and named.kind == "title"


def test_a_mark_and_letters_in_one_token_are_written_anew() -> None:
    """SentencePiece's vocabularies may hold `"F`."""
    made = tiny.tokenizer()
    made.add_tokens(['"Fo', 'x"'])
    texts = TokenTexts(made)
    example = 'Yes. "{Rust}" is a game, like "{Fox}".'
    assert "Yes" + write(texts, example, [FOX, WOLF], [WOLF]).text == 'Yes. "Rust" is a game, like "Iron Wolf".'
