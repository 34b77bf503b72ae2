import gzip
import json
import os
import time
from pathlib import Path

import pytest

from recexplainer.citations.citations import resolve_citations
from recexplainer.data.catalogue import Catalogue
from tests.faithfulness.fakes import make_catalogue

HISTORY = [1, 3, 5, 6, 7, 8, 9, 10]  # item ids of `games`, by position 0 … 7


def test_history_target_and_inventions(games: Catalogue) -> None:
    text = (
        'Yes. The history shows "Ember Crown" and "Iron Drift - Nova 64", and "Ember Crown II - Nova 64" is '
        'a Role-Playing game too, unlike "Silent Valley" and "Golden Hog".'
    )
    found = resolve_citations(text, HISTORY, games, target=2)
    assert found.in_history == [0, 1]
    assert found.in_catalogue == [11]
    assert found.invented == ["Golden Hog"]
    assert found.names_target
    assert (found.n_titles, found.n_unseen) == (4, 2)
    assert [mention.kind for mention in found.mentions] == [
        "history", "history", "target", "catalogue", "invented",
    ]  # fmt: skip
    assert all(text[mention.start : mention.end] == mention.text for mention in found.mentions)


@pytest.mark.parametrize(
    ("title", "position"),
    [
        ('The "Quiet" Harbor', 2),
        ("Rust; Bone; Glory", 3),
        ("Étoile du Nord", 4),
        ("Slot <item> Machine", 5),
        ("星の庭 Hoshi no Niwa", 6),
    ],
)
@pytest.mark.parametrize("form", ['He liked "{}".', '("{}")', "“{}”, for one", "{} was liked", '"{}," he said'])
def test_awkward_titles_in_every_form(games: Catalogue, title: str, position: int, form: str) -> None:
    found = resolve_citations(form.format(title), HISTORY, games, target=2)
    assert found.in_history == [position]
    assert not found.invented and not found.in_catalogue


@pytest.mark.parametrize(
    ("quoted", "position", "matched"),
    [
        ("ember crown", 0, "normalised"),
        ("ETOILE DU NORD", 4, "normalised"),
        ("Rust, Bone, Glory", 3, "normalised"),
        ('The "Quiet" Harbour', 2, "fuzzy"),
        ("Embr Crown", 0, "fuzzy"),
    ],
)
def test_other_spellings_of_quoted_titles(games: Catalogue, quoted: str, position: int, matched: str) -> None:
    found = resolve_citations(f'Like "{quoted}" before.', HISTORY, games, target=2)
    assert found.in_history == [position]
    assert [mention.matched for mention in found.mentions] == [matched]


def test_a_title_that_begins_a_longer_one_is_not_cited(games: Catalogue) -> None:
    for text in ('"Ember Crown II - Nova 64"', "Ember Crown II - Nova 64", "“ember crown ii - nova 64”"):
        assert resolve_citations(text, [1, 2], games).in_history == [1]


def test_an_unknown_sequel_is_no_citation_of_the_first_part(games: Catalogue) -> None:
    quoted = resolve_citations('"Ember Crown III"', [1], games)
    assert (quoted.in_history, quoted.invented) == ([], ["Ember Crown III"])
    assert resolve_citations("Ember Crown III was fun", [1], games).mentions == []


def test_the_target_is_no_citation_even_if_the_history_holds_it(games: Catalogue) -> None:
    found = resolve_citations('"Ember Crown" again', [1, 3], games, target=1)
    assert (found.in_history, found.names_target, found.n_titles) == ([], True, 0)


def test_repeats_in_text_and_history(games: Catalogue) -> None:
    found = resolve_citations('"Iron Drift II", "Ember Crown", "Iron Drift II"', [1, 4, 3, 4], games)
    assert found.in_history == [3, 1, 0]  # every position of item 4, the newest first, then item 1
    assert found.n_titles == 2
    assert len(found.mentions) == 3


def test_one_word_titles_count_in_quotation_marks_only(games: Catalogue) -> None:
    assert resolve_citations("a Journey through RPGs", [10], games).in_history == []
    assert resolve_citations('a "Journey" through RPGs', [10], games).in_history == [0]


def test_quoted_attributes_series_and_verdicts_are_no_inventions(games: Catalogue) -> None:
    text = '"Yes": the "Racing" and "role playing" games, the "Iron Drift" series, "..."'
    assert resolve_citations(text, [1], games).invented == []


def test_cut_off_text_is_not_an_invention(games: Catalogue) -> None:
    found = resolve_citations('Yes. He liked "Ember Crown" and "Iron Dri', [1, 3], games)
    assert (found.in_history, found.invented) == ([0], [])


def test_twins_resolve_to_the_one_of_the_history() -> None:
    catalogue = make_catalogue(["Twin Rivers!", "Twin: Rivers", "Twin Rivers?"])
    assert resolve_citations('"twin rivers"', [3], catalogue).in_history == [0]
    assert resolve_citations('"twin rivers"', [], catalogue, target=2).names_target
    assert resolve_citations('"twin rivers"', [], catalogue).in_catalogue == [1]


def test_twins_that_spaces_alone_tell_apart() -> None:
    catalogue = make_catalogue(["Toads / Dragons", "Toads/Dragons"])
    assert resolve_citations('"Toads/Dragons"', [1, 2], catalogue).in_history == [1]
    assert resolve_citations('"Toads /Dragons"', [2], catalogue).in_history == [0]


@pytest.mark.parametrize("text", ["", "Yes.", '"', '""', "“”", "<user> likes <item>", "\n\n"])
def test_texts_without_citations(games: Catalogue, text: str) -> None:
    found = resolve_citations(text, HISTORY, games, target=2)
    assert (found.in_history, found.in_catalogue, found.invented, found.n_titles) == ([], [], [], 0)


def test_the_work_does_not_grow_with_the_catalogue() -> None:
    catalogue = make_catalogue([f"Game {n} of the Thousand {n % 97} Lands" for n in range(10_000)])
    text = 'Yes. "Game 17 of the Thousand 17 Lands" and "Game 3 of the Million Seas" ' * 3
    resolve_citations(text, [18], catalogue)  # builds the index
    start = time.perf_counter()
    for _ in range(200):
        assert resolve_citations(text, [18], catalogue).in_history == [0]
    assert time.perf_counter() - start < 4  # seconds; about .2 on one core


@pytest.mark.real_data
def test_every_title_of_public_data_is_found_where_it_is_quoted() -> None:
    folder = Path(os.environ.get("RECEXPLAINER_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / "amazon_video_games_2018" / "items.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        titles = [" ".join((json.loads(line)["title"] or "").split()) for line in lines]
    catalogue = make_catalogue(list(dict.fromkeys(title for title in titles if title)))
    assert catalogue.n_items > 16_000
    for item in range(1, catalogue.n_items, 3):
        text = f'Yes. The history shows "{catalogue.title(item)}", and "{catalogue.title(item + 1)}" is like it.'
        found = resolve_citations(text, [item], catalogue, target=item + 1)
        assert (found.in_history, found.names_target, found.n_unseen) == ([0], True, 0), text
