from __future__ import annotations

from dataclasses import asdict

import pytest

from recexplainer.data.categories import clean_categories

SENTENCE = "Also features extraordinary weapons and heroes."
LINE = "Cooperative gameplay for up to four"  # six words, no stop


def of(*lists, n_others=200):
    """What becomes of some items' categories in a shop of many others, without the others."""
    cleaned, features, changes = clean_categories([*lists, *[["Games", "Puzzles"]] * n_others])
    assert not any(features[len(lists) :])
    return cleaned[: len(lists)], features[: len(lists)], changes


def test_a_rare_sentence_and_what_stands_around_it_are_features():
    names = ["Games", "For 1 player", SENTENCE, "Made in Japan"]
    cleaned, features, changes = of(names)
    assert cleaned == [["Games"]]
    assert features == [["For 1 player", SENTENCE, "Made in Japan"]]
    assert asdict(changes) == {"respelled": {}, "n_items_with_sentences": 1, "examples": features[0]}


@pytest.mark.parametrize(
    "told",
    [[SENTENCE], [LINE, "Also features weapons and many heroes"], ["A tale of two cities and their many heroes"]],
)
def test_what_is_a_sentence(told):
    assert of(["Games", *told])[:2] == ([["Games"]], [told])


@pytest.mark.parametrize(
    "names",
    [
        ["Games", "Racing Wheels"],  # rare, and no sentence
        [SENTENCE, "Games"],  # in front of a category that many have
        [SENTENCE],  # all that the item has
        ["Games", "Five words are no sentence."],
        ["Games", "Six words may be a category"],
        ["Games", "FICTION / Mystery & Detective / France / 1939 - 1945"],  # of other words there are four
    ],
)
def test_all_other_categories_stay(names):
    cleaned, features, changes = of(names)
    assert (cleaned, features, changes.n_items_with_sentences) == ([names], [[]], 0)


@pytest.mark.parametrize(("n_items", "is_rare"), [(1, True), (5, True), (6, False)])
def test_a_long_category_that_more_than_five_items_share_stays(n_items, is_rare):
    cleaned, _, changes = of(*[["Games", SENTENCE]] * n_items, n_others=1000)
    assert cleaned == [["Games"] if is_rare else ["Games", SENTENCE]] * n_items
    assert changes.n_items_with_sentences == n_items * is_rare


def test_among_few_items_no_category_is_rare():
    assert of(["Games", SENTENCE], n_others=98)[0] == [["Games", SENTENCE]]
    assert of(["Games", SENTENCE], n_others=99)[0] == [["Games"]]


def test_the_most_frequent_spelling_of_a_category_stands_for_the_others():
    lists = [["Kids; Family", "Kids & Family"], ["kids and family"], ["Kids & Family"], ["R & B"], ["R&B"]]
    cleaned, features, changes = clean_categories(lists)
    assert cleaned == [["Kids & Family"]] * 3 + [["R & B"]] * 2  # of equally frequent ones the first in order
    assert not any(features)
    assert changes.respelled == {
        "Kids; Family": "Kids & Family", "kids and family": "Kids & Family", "R&B": "R & B",
    }  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ["C++", "C#", "C"],
        ["Husbandry", "Husb ry"],
        ["Under 16", "Under 16+"],
        ["-5 °C", "5 °C"],
        ["1-5 l", "1,5 l", "1.5 l"],
        ["And & gås", "Gås"],
        ["Kylling & and", "Kylling"],
        ["And", "-", "&"],
        ["A-", "A"],
        ["3 & up", "3; up"],
        ["Maße", "Masse"],
        ["AIDS", "Aids"],
        ["Action/Adventure", "Action, Adventure"],
    ],
)
def test_signs_that_belong_to_a_name_tell_categories_apart(names):
    lists = [[name] for name in names]
    assert clean_categories(lists)[0] == lists


def test_spellings_are_counted_together():
    spellings = [["Games", f"Also features{sign}weapons of a kind and heroes."] for sign in (" and ", "; ", " & ")]
    assert of(*spellings, n_others=1000)[2].n_items_with_sentences == 3
    assert of(*spellings * 2, n_others=1000)[2].n_items_with_sentences == 0


def test_what_a_shop_lists_twice_is_one_category():
    assert clean_categories([["Games", "Games", "games"]])[0] == [["Games"]]


def test_examples_are_few():
    changes = of(*[["Games", f"Number {n}: {SENTENCE}", f"Made {n}"] for n in range(6)], n_others=1000)[2]
    assert changes.n_items_with_sentences == 6
    assert len(changes.examples) == 5


def test_no_categories():
    assert clean_categories([]) == ([], [], clean_categories([[]])[2])
