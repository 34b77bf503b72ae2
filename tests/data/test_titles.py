from __future__ import annotations

import random

import pytest

from recexplainer.data.titles import clean_text, clean_texts, unique_titles


@pytest.mark.parametrize(
    ("raw", "clean", "changes"),
    [
        ("Plain", "Plain", []),
        (" Two \n  spaces\tand\u00a0more\u2028", "Two spaces and more", ["white_space"]),
        ("Rock &amp; Roll&#39;s", "Rock & Roll's", ["html_entities"]),
        ("Tom &amp;amp; Co", "Tom & Co", ["html_entities"]),
        ("R&D; a&copyright &reg", "R&D; a&copyright &reg", []),
        ('<span id="productTitle" class="a b">Halo</span>', "Halo", ["markup"]),
        ("A<br />B<i>!</i>", "A B!", ["markup"]),
        ("Slot <item> and <user> 1 < 2 > 1 <b-side>", "Slot <item> and <user> 1 < 2 > 1 <b-side>", []),
        ("Bell\x07 zero\u200bwidth \ufffd\ue000!", "Bell zerowidth !", ["control_characters"]),
        ("Cafe\u0301", "Café", ["unicode_form"]),
        ('Rust; "Bone" 星の庭 👩\u200d🚀', 'Rust; "Bone" 星の庭 👩\u200d🚀', []),
        ("&nbsp;", "", ["html_entities", "white_space"]),
    ],
)
def test_what_is_cleaned_and_what_survives(raw, clean, changes):
    assert clean_text(raw, has_markup=True) == (clean, changes)


def test_tags_stay_where_the_format_has_no_markup():
    assert clean_text("<b>Bold</b>", has_markup=False) == ("<b>Bold</b>", [])


@pytest.mark.parametrize("has_markup", [True, False])
@pytest.mark.parametrize(
    ("raw", "clean", "change"),
    [
        ("Halo <script>var a = (1 < 2);</script>Wars", "Halo Wars", "scripts"),
        ("Halo<script type='x'>var never = 1", "Halo", "scripts"),
        ("<style>.a{b:c}</style><!-- x -->Halo", "Halo", "scripts"),
        ('span id="title" class="a b">Halo', "Halo", "pieces_of_tags"),
        ('">Halo', "Halo", "pieces_of_tags"),
        ('Halo <a href="http://x', "Halo", "pieces_of_tags"),
        ("Halo</span", "Halo", "pieces_of_tags"),
        ('Halo" />', "Halo", "pieces_of_tags"),
    ],
)
def test_scripts_and_pieces_of_tags_go_whatever_the_format(raw, clean, change, has_markup):
    cleaned, changes = clean_text(raw, has_markup)
    assert cleaned == clean and change in changes
    assert clean_texts([raw], has_markup) == [clean]


@pytest.mark.parametrize(
    "text", ['I <3 "U" > me', "x = 'y' < z", "A > B", "Slot <item", 'The "<user>"', "a </", "b=1>2"]
)
def test_what_only_looks_like_a_piece_of_a_tag_stays(text):
    assert clean_text(text, has_markup=True) == (text, [])


@pytest.mark.parametrize("has_markup", [True, False])
def test_many_texts_are_cleaned_as_each_alone(has_markup):
    rng = random.Random(3)
    parts = [
        "a",
        "Z",
        " ",
        "~",
        "\x7f",
        "&",
        "&amp;",
        "<b>",
        "<",
        ">",
        "</b",
        '"/>',
        "é",
        "e\u0301",
        "\n",
        "\t",
        "\u00a0",
        "\u200b",
        ".",
    ]
    texts = ["", *("".join(rng.choices(parts, k=rng.randrange(1, 4))) for _ in range(2000))]
    assert clean_texts(texts, has_markup) == [clean_text(text, has_markup)[0] for text in texts]
    assert clean_texts([], has_markup) == []


def attributes(brand="", category=(), year=()):
    return {"brand": [brand] if brand else [], "category": list(category), "year": list(year)}


def test_titles_that_are_unique_stay():
    assert unique_titles(["A", "B"], ["1", "2"], [attributes("X"), attributes("X")]) == (
        ["A", "B"],
        [None, None],
    )


def test_the_shortest_value_that_no_twin_has_is_taken():
    twins = [
        attributes("Long Brand", ["Games", "PC"], ["2001"]),
        attributes("Other Brand", ["Games", "Xbox"], ["2001"]),
        attributes("Other Brand", ["Games"], ["1999"]),
    ]
    titles, kinds = unique_titles(["T", "T", "T"], ["1", "2", "3"], twins)
    assert titles == ["T (PC)", "T (Xbox)", "T (1999)"]
    assert kinds == ["category", "category", "year"]


def test_the_raw_id_is_the_last_resort():
    titles, kinds = unique_titles(
        ["T", "T", "t"], ["B01", "B02", "B03"], [attributes("X"), attributes("x"), attributes()]
    )
    assert titles == ["T (B01)", "T (B02)", "t (B03)"]
    assert kinds == ["raw_id"] * 3


def test_a_value_that_is_long_or_in_the_title_is_passed_over():
    twins = [attributes("T"), attributes("A" * 41, ["PC" + "x" * 10])]
    assert unique_titles(["T", "T"], ["1", "2"], twins)[0] == ["T (1)", "T (PCxxxxxxxxxx)"]


def test_a_new_title_never_takes_that_of_a_third_item():
    titles, _ = unique_titles(
        ["Go", "Go", "Go (Sega)", "go (1)"],
        ["1", "2", "3", "4"],
        [attributes("Sega"), attributes("Sony"), attributes(), attributes()],
    )
    assert titles == ["Go (1) (1)", "Go (Sony)", "Go (Sega)", "go (1)"]


def test_many_twins_are_all_told_apart_in_any_order():
    n = 200
    raw_ids = [f"B{k:03d}" for k in range(n)]
    values = [attributes("Amazon", ["Gift Cards"]) for _ in range(n)]
    titles, _ = unique_titles(["eGift Card"] * n, raw_ids, values)
    assert len({title.casefold() for title in titles}) == n
    backwards, _ = unique_titles(["eGift Card"] * n, raw_ids[::-1], values)
    assert backwards[::-1] == titles
