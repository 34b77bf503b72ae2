from __future__ import annotations

import pytest

from recexplainer.citations.citations import resolve_citations
from recexplainer.explaining.defects import defect_warning, find_defects
from tests import tiny
from tests.faithfulness.fakes import make_catalogue


def defects(text: str, is_cut: bool = False) -> list[str]:
    catalogue = tiny.catalogue()
    return list(find_defects(text, resolve_citations(text, [2, 4, 8], catalogue, 1), catalogue, is_cut))


@pytest.mark.parametrize(
    "text",
    [
        'Yes. "Rust" is a Puzzle game for the Orbit, like "Fox" and "Rust II".',
        'No. "Rust" is new. It is nothing like "The "Quiet" Harbor"!',
        "Yes. The user likes Racing games, Racing games above all.",
        'Yes. The user said "no" to "Rust" and liked "Fox," as we know.',
        'Yes. "Rust" and "Fox" are very, very good…',
        'Yes. "Rust" (for the Orbit) is: 1) new, and 2) like "Fox" :) It has a 24" wheel.',
        'Yes. "Rust"-like games are for iPhone and YouTube.  The "Fox"\'s of McRae are new.',
        "Yes. The user played Rust II here, and Fox on the Run before.",
        'Yes. The user liked "Rust II." The game is like "Fox." iPhone games are not. See "Fox". eSports.',
        "Yes. The user liked « Fox », which is « new », and « Rust II ».",
        'Yes. "Rust" is like "Fox" and "Rust II" for the Orbit. :)',
        'Yes. "Rust" is like "Fox"! 🙂',
        'Yes. The user played "Fox", "Rust II" etc. and liked both. You never played "Rust".',
        'No. "Rust" is new: the user never played "Rust".',
        'Yes. The user played "Fox". Puzzle games are liked, and the "Orbit". See .NET. Answers differ.',
        'Answer: Yes. "Rust" is for the Orbit, a 5" screen, like "Fox".',
        "Ja. „Rust“ ist „neu“, «gut» und “rar”.",
        "はい。星の庭 Hoshi と「Rust」は Puzzle です。",
    ],
)
def test_explanations_have_none(text: str) -> None:
    assert defects(text) == []


@pytest.mark.parametrize(
    "text, found",
    [
        ('Yes. "Rust" is a ' + "Racing " * 40 + "game.", ["repeats", "garbled"]),
        ("YeserVertexVertexVertexVertex", ["repeats", "unfinished", "names_nothing"]),
        ('Yes. "Rust" is new. "Rust" is new.', ["repeats"]),
        ('Yes. "Rust" is a Puzzle game game, like "Fox".', ["repeats"]),
        ('Yes. "Rust" is new, and the user played "Fox", Puzzle games Puzzle games too.', ["repeats"]),
        ('Yes. "Rust" is a game that had had few friends, like "Fox".', []),
        ('Yes. "Rust" ist wie "Fox" ein Spiel für alle, die die Stille lieben.', []),
        ('Yes. "Rust" is like "Fox" and "Fox".', ["repeats"]),
        ('Yes. "Rust" is a Racing game for', ["unfinished"]),
        ('No. "Rust" is like "Fox on the.', ["unfinished"]),
        ('No. "Rust" is new.\n-', ["unfinished"]),
        ('No. "Rust" is new. "', ["unfinished"]),
        ("No andPhantomSilent Archer.", ["garbled", "names_nothing"]),
        ('Yes. "Rust" is a Puzzle game, which the user played. ItWhat is a game.', ["garbled"]),
        ('Yes. "Rust" is like "Fox".u N against most.', ["garbled"]),
        ('Yes. "Rust" is like "Fox"u.', ["garbled"]),
        ('Yes. "Rust" is like "Fox" here  least.', ["garbled"]),
        ("Yes. The Puzzle game for the Orbit)\nline about.", ["garbled"]),
        ('Yes. "Rust" is a Puzzle game, iron it Legacy" for the Orbit.', ["garbled"]),
        ('Yes. "Rust" is like "Fox". s likes play.', ["garbled"]),
        ('Yes. "Rust" A puzzle game for the Orbit.', ["garbled"]),
        ('Yes. " speak of the Arena III" is a Puzzle game, like "Fox".', ["garbled"]),
        ('No. "Rust" and "Fox" for the Orbit.', ["unfinished"]),
        ("No Puzzle the Orbit.", ["unfinished"]),
        ('No. "Rust" is a Puzzle game, like "Fox". Answer Racing too.', ["garbled"]),
        ('No. "Rust" is a Puzzle game, like "Fox". AnswerPuzzle.', ["garbled"]),
        ('Yes. "Rust" is a Puzzle game, and the user like this item? Answer Yes or against.', ["garbled"]),
        ('No. "Rust" comes for No explainNo, but the user played "Fox".', ["garbled"]),
        ('Yes. "Rust" is like "Fox"  of the Legend.', ["garbled"]),
        ('No. "Rust" is an action movie. (Puzzle) .Q.', ["garbled"]),
        ('No. "Rust" is a Puzzle game. and Racing games are liked.', ["garbled"]),
        ('No. "Rust" is a Puzzle and and Racing game.', ["repeats", "garbled"]),
        ('No. "Rust" is a Puzzle game and, and the user played "Fox".', ["garbled"]),
        ('Yes. "Rust" belongs "Fox", which the user played.', ["garbled"]),
        ('No, such as "Fox" is a Racing game.', ["garbled"]),
        ('No. "Rust" is new, but the user played RacingHorror games such as "Fox".', ["garbled"]),
        ('Yes. "Rust" is new, and the user played Puzzle games such as "Rust".', ["garbled"]),
        ('Yes. "Rust" is a Puzzle game, and the user played "Fox" for the Orbit Mini Mini.', ["garbled"]),
        ("Yes.", ["names_nothing"]),
    ],
)
def test_what_is_no_explanation_is_found(text: str, found: list[str]) -> None:
    assert defects(text) == found


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Who?", 'はい。"{}" は Puzzle です。'),
        ('5" Screen', 'No. The user liked "{}." "Fox" is new.'),
        ('The "Quiet" Harbor', 'はい。"{}" も好きです。'),
    ],
)
def test_signs_at_the_end_of_a_title_and_marks_in_it_do_no_harm(title: str, text: str) -> None:
    catalogue = make_catalogue([title, "Fox"])
    said = text.format(title)
    found = resolve_citations(said, [2], catalogue, 1)
    assert [mention.item_id for mention in found.mentions].count(1) == 1
    assert find_defects(said, found, catalogue, False) == []


def test_titles_and_values_may_hold_a_word_twice():
    catalogue = make_catalogue(
        [{"title": "Rust", "categories": ["cha cha cha", "bora bora"]}, {"title": "Girls girls"}]
    )
    text = 'Yes. "Rust" is a bora bora game, like "Girls girls".'
    assert find_defects(text, resolve_citations(text, [2], catalogue, 1), catalogue) == []


@pytest.mark.parametrize("title", ["Tora! Tora! Tora! (1970)", "Dr. Jekyll and Mr. Hyde", "Girls, Girls, Girls"])
def test_a_title_may_repeat_itself_and_hold_sentences(title: str) -> None:
    catalogue = make_catalogue([title, "Fox"])
    text = f'Yes. "{title}" is like "Fox". The user played "Fox" before "{title}".'
    assert find_defects(text, resolve_citations(text, [2], catalogue, 1), catalogue, False) == []
    again = f'Yes. "{title}" is like "Fox". "{title}" is like "Fox".'
    assert find_defects(again, resolve_citations(again, [2], catalogue, 1), catalogue, False) == ["repeats"]


def test_a_value_may_end_with_a_number_and_is_not_a_length_then() -> None:
    catalogue = make_catalogue([{"title": "Rust", "categories": ["Orbit 2"]}, "Fox"])
    for text, found in (
        ('Yes. "Rust" has a 5" screen and is for the Orbit 2, the "Orbit 2", like "Fox".', []),
        ('No. "Rust" is new, set in the history or Orbit 2" and "Fox" for the Orbit 2.', ["garbled"]),
    ):
        assert find_defects(text, resolve_citations(text, [2], catalogue, 1), catalogue, False) == found


def test_a_text_that_was_cut_is_marked() -> None:
    assert defects('Yes. "Rust" is new.', is_cut=True) == ["cut"]


def test_a_run_warns_above_a_tenth() -> None:
    assert defect_warning([["cut"], *[[]] * 9]) is None and defect_warning([]) is None
    said = defect_warning([["cut", "unfinished"], ["cut"], *[[]] * 8])
    assert said is not None and said.startswith("2 of 10 texts") and "unfinished 1, cut 2" in said
    assert "max_new_tokens" in said
    other = defect_warning([["repeats"], ["names_nothing"], []])
    assert other is not None and "max_new_tokens" not in other and "align longer" in other


def test_a_text_that_was_to_cite_and_names_only_the_item_in_question_gives_no_reason() -> None:
    catalogue = tiny.catalogue()
    for text, found in [('No. "Rust" is a Puzzle game.', ["no_reason"]), ('No. "Rust" is unlike "Fox".', [])]:
        citations = resolve_citations(text, [2, 4, 8], catalogue, 1)
        assert find_defects(text, citations, catalogue, has_to_cite=True) == found
        assert find_defects(text, citations, catalogue) == []


@pytest.mark.parametrize(
    "said, found", [("Deluxe Edition", ["garbled"]), ("Homecoming", []), ("Deluxe", []), ("Nova", [])]
)
def test_a_label_of_other_titles_is_no_value(said: str, found: list[str]) -> None:
    titles = ["Ember", "Fox", "Fox II", "Moon - Deluxe Edition", "Reef: Deluxe Edition", "Wolf - Homecoming"]
    titles += ["Elk - Nova", "Owl - Nova"]
    catalogue = make_catalogue([{"title": title, "categories": ["Nova"]} for title in titles])
    text = f'Yes. "Ember" is new, and the user played "Fox" and "Fox II" for the {said}.'
    assert find_defects(text, resolve_citations(text, [2, 3], catalogue, 1), catalogue) == found
    text = f'Yes. "Ember" is new, and the user played "Moon - Deluxe Edition", the {said}.'
    assert find_defects(text, resolve_citations(text, [4], catalogue, 1), catalogue) == []
