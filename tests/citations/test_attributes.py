import pytest

from recexplainer.citations.attributes import AttributeIndex, series_stem, speaks_of_series
from recexplainer.data.catalogue import Catalogue
from tests.faithfulness.fakes import make_catalogue


@pytest.fixture(scope="module")
def index(games: Catalogue) -> AttributeIndex:
    return AttributeIndex(games)


def named(index: AttributeIndex, text: str) -> list[tuple[str, bool]]:
    return [(index.names[mention.attribute], mention.denied) for mention in index.find(text)]


def test_values_are_found_in_other_numbers_and_spellings(index: AttributeIndex) -> None:
    text = "Role playing games by Crown Works, puzzles for the nova 64"
    assert [name for name, _ in named(index, text)] == ["Role-Playing", "Crown Works", "Puzzle", "Nova 64"]


def test_values_hold_for_their_items(index: AttributeIndex) -> None:
    assert {index.names[number] for number in index.of_item[3]} == {
        "Video Games", "Nova 64", "Racing", "Fox Labs", "co-op", "iron drift",
    }  # fmt: skip
    assert index.of_item[0] == frozenset()


def test_denied_values(index: AttributeIndex) -> None:
    text = "No Racing games, but puzzles; it isn't for the Nova 64. Not one. Horror"
    assert named(index, text) == [("Racing", True), ("Puzzle", False), ("Nova 64", True), ("Horror", False)]


def test_masked_titles_name_no_attribute_and_no_value_runs_across_them(index: AttributeIndex) -> None:
    text = 'Nova "Racing" 64'
    assert index.find(text, [(6, 12)]) == []


def test_common_values_are_known_as_such(index: AttributeIndex) -> None:
    assert {"Video Games", "co-op"} <= {index.names[number] for number in index.common}
    assert "Racing" not in {index.names[number] for number in index.common}


def test_long_feature_lines_are_no_values() -> None:
    index = AttributeIndex(make_catalogue([{"title": "A", "features": ["A long line that nobody repeats"]}]))
    assert index.names == []


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Ember Crown", "ember crown"),
        ("Ember Crown: Origins", "ember crown"),
        ("Ember Crown II - Nova 64", "ember crown"),
        ("Toy Story 2 (1999)", "toy story"),
        ("2001: A Space Odyssey (1968)", ""),
        ("Étoile", "etoile"),
    ],
)
def test_series_stem(title: str, stem: str) -> None:
    assert series_stem(title) == stem


def test_series_need_two_items(index: AttributeIndex) -> None:
    assert index.series_of_item[1] == index.series_of_item[2] is not None
    assert index.series_of_item[3] == index.series_of_item[4] != index.series_of_item[1]
    assert index.series_of_item[10] is None


def test_speaking_of_a_series() -> None:
    assert speaks_of_series("It belongs to the series of these")
    assert not speaks_of_series("It belongs to no series of these")
    assert not speaks_of_series('"World Series"', [(1, 13)])


def test_a_short_word_in_lower_case_is_a_word_and_no_value() -> None:
    index = AttributeIndex(make_catalogue([
        {"title": "A", "categories": ["New", "Kids", "PC"]},
        {"title": "B", "categories": ["wii", "Racing"]},
        {"title": "C", "categories": ["Puzzle"]},
    ]))  # fmt: skip
    assert named(index, "something new after it, for kids, on a pc") == []
    assert [name for name, _ in named(index, "New on the PC, for Kids; a wii game, racing")] == [
        "New", "PC", "Kids", "wii", "Racing",
    ]  # fmt: skip


def test_the_noun_behind_a_value_is_no_part_of_a_longer_one() -> None:
    """A text said "a PC game" of an item that is for the PC, and was taken for false where others are "PC Games"."""
    items = [
        {"title": "A", "categories": ["PC Games", "PC"]},
        {"title": "B", "categories": ["Wii", "Wii game"]},
        {"title": "C"},
    ]
    index = AttributeIndex(make_catalogue(items))
    text = "a PC game, PC Games, pc games and a Wii game for the PC"
    assert [name for name, _ in named(index, text)] == ["PC", "PC Games", "PC Games", "Wii", "PC"]


def test_what_items_are_called_is_no_value() -> None:
    """Amazon's games have "Games" beside "Accessories": "but the user played PC games" was a false contrast."""
    items = [
        {"title": "A", "categories": ["PC", "Games"]},
        {"title": "B", "categories": ["Wii", "Accessories", "movie"]},
    ]
    index = AttributeIndex(make_catalogue([*items, {"title": "C"}, {"title": "D"}]))
    text = "but the user played PC games such as this; a movie, movies, accessories"
    assert [name for name, _ in named(index, text)] == ["PC", "Accessories"]
    assert [name for name, _ in named(index, "Games for the PC, no Games")] == ["Games", "PC", "Games"]


@pytest.mark.parametrize(
    ("category", "n_others", "is_of_all"),
    [
        ("Gift Cards", 19, True),
        ("Gift Cards", 18, False),
        ("gift card", 19, True),
        ("Single-player", 19, False),
        ("!", 19, False),
    ],
)
def test_what_nearly_all_items_are_called_the_others_are_too(category: str, n_others: int, is_of_all: bool) -> None:
    """Of 147 gift cards two lack the category; "is a gift card, like …" one of these was taken for false."""
    others = [{"title": f"Card {n}", "categories": [category]} for n in range(n_others)]
    index = AttributeIndex(make_catalogue([{"title": "Plain", "brand": "Ulta"}, *others]))
    assert (index.number_of(category) in index.of_item[1]) == is_of_all
    assert index.number_of("Ulta") in index.of_item[1]
    if is_of_all:
        assert named(index, f"it is not a {category}, but the user bought {category}") == [
            (category, True),
            (category, False),
        ]


@pytest.mark.parametrize(
    ("categories", "noun"),
    [
        (["Video Games", "Games"], "video game"),  # the first of the catalogue, whatever the order of a set is
        (["Games", "Video Games"], "game"),
        (["Movies & TV Shows", "Kids' Books"], None),  # no words for one item
        (["Movies & TV Shows", "Books"], "book"),
    ],
)
def test_the_name_of_all_items_is_the_first_in_plain_words(categories: list[str], noun: str | None) -> None:
    index = AttributeIndex(make_catalogue([{"title": f"Item {n}", "categories": categories} for n in range(3)]))
    assert index.noun == noun


def test_behind_a_value_the_name_of_all_items_says_nothing() -> None:
    """ "but the user bought Ulta gift cards" was a false contrast, as the item in question is a gift card, too."""
    cards = [
        {"title": f"Card {n}", "categories": ["Gift Cards"], "brand": brand} for n, brand in enumerate(["Ulta", "Pho"])
    ]
    index = AttributeIndex(make_catalogue(cards))
    assert index.noun == "gift card"
    text = "is a Pho gift card, but the user bought Ulta gift cards, gift cards and Pho Gift Cards"
    assert [name for name, _ in named(index, text)] == ["Pho", "Ulta", "Gift Cards", "Pho", "Gift Cards"]


def test_no_value_is_the_verdict_or_the_subject_of_a_sentence() -> None:
    """A column may hold Yes and No; the guide would turn one into the other."""
    items = [
        {"title": "A", "categories": ["Yes", "Strategy"], "brand": "It"},
        {"title": "B", "categories": ["No"], "brand": "It Is"},
    ]
    index = AttributeIndex(make_catalogue(items))
    assert named(index, 'Yes. It is a Strategy game. It is. No. "B" is not.') == [("Strategy", False)]
