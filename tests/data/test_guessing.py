"""What a stranger's columns are taken for."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data import guessing
from recexplainer.data.guessing import (
    find_items_file,
    guess_columns,
    is_date,
    is_key,
    is_rating,
    is_text,
    is_time,
    lowest_kept_rating,
    read_sample,
    repeats,
)

N = 40
ROWS = pd.DataFrame(
    {
        "nr": [str(n) for n in range(N)],
        "a": [f"u{n % 7}" for n in range(N)],
        "b": [f"v{n % 11}" for n in range(N)],
        "c": [f"2024-03-{1 + n % 28:02}" for n in range(N)],
        "d": [str(1 + n % 5) for n in range(N)],
    }
)
ITEMS = pd.DataFrame(
    {
        "code": [f"v{n}" for n in range(11)],
        "heading": [f"The {word} Road" for word in "abcdefghijk"],
        "shelf": ["Crime", "Poetry"] * 5 + ["Crime"],
        "writer": ["Ann B.", "Cid D.", "Eve F."] * 3 + ["Ann B.", "Cid D."],
    }
)


def named(**names: str) -> pd.DataFrame:
    return ROWS.rename(columns=names)


@pytest.mark.parametrize("name", ["user_id", "userId", "Customer", "reviewerID", "member_no", "reader"])
def test_users_by_name(name: str) -> None:
    assert guess_columns(named(b=name)).user == name


@pytest.mark.parametrize("name", ["item_id", "movieId", "asin", "ISBN", "product", "track_uri"])
def test_items_by_name(name: str) -> None:
    guess = guess_columns(named(a=name, b="user"))
    assert guess.item == guess.item_key == name


@pytest.mark.parametrize("name", ["timestamp", "date", "borrowed_on", "created_at", "when"])
def test_times_by_name(name: str) -> None:
    assert guess_columns(named(c=name)).time == name


@pytest.mark.parametrize("name", ["rating", "stars", "Score", "overall"])
def test_ratings_by_name(name: str) -> None:
    assert guess_columns(named(d=name)).rating == name


PLACES = ROWS.assign(place=ROWS.groupby("a").cumcount().astype(str)).drop(columns="c")


@pytest.mark.parametrize("name", ["position", "seq", "seq_no", "order", "Sequence", "play_order"])
def test_an_order_by_name_when_it_numbers_the_rows_of_each_user(name: str) -> None:
    guess = guess_columns(PLACES.rename(columns={"place": name, "a": "user", "b": "item"}))
    assert (guess.order, guess.user, guess.item, guess.time) == (name, "user", "item", None)


@pytest.mark.parametrize(("name", "places"), [("order", 3), ("position", 1), ("order_id", None), ("rank", None)])
def test_the_number_of_a_basket_or_a_rank_among_all_items_is_no_order(name: str, places: int | None) -> None:
    shared = PLACES.assign(place=(PLACES["place"].astype(int) // places).astype(str)) if places == 3 else PLACES
    given = shared.assign(place="1") if places == 1 else shared
    assert guess_columns(given.rename(columns={"place": name, "a": "user", "b": "item"})).order is None


@pytest.mark.parametrize(
    ("ratings", "lowest"),
    [
        ([1, 2, 3, 4, 5, 5], 3), ([0.5, 2.5, 3, 5], 3), ([0, 1, 1], 1), ([-1, 1], 1), ([5, 5], 5), ([7, 9, 10], 9),
        ([0] * 7 + [8, 9, 10], 0),
    ],
)  # fmt: skip
def test_ratings_in_the_upper_half_of_their_scale_are_kept_unless_most_are_lower(
    ratings: list[float], lowest: float
) -> None:
    assert lowest_kept_rating(pd.Series(ratings)) == lowest


@pytest.mark.parametrize(
    ("what", "column", "name"),
    [
        ("title", "heading", "title"), ("title", "heading", "Name"), ("title", "heading", "productName"),
        ("categories", "shelf", "genres"), ("categories", "shelf", "Category"), ("categories", "shelf", "tags"),
        ("categories", "shelf", "cuisine"), ("categories", "shelf", "subject"), ("categories", "shelf", "wine_style"),
        ("brand", "writer", "author"), ("brand", "writer", "manufacturer"), ("brand", "writer", "Director"),
        ("description", "writer", "Summary"),
    ],
)  # fmt: skip
def test_what_is_known_of_items_by_name(what: str, column: str, name: str) -> None:
    assert getattr(guess_columns(ROWS, ITEMS.rename(columns={column: name})), what) == name


def test_names_that_say_nothing_are_known_by_their_values() -> None:
    guess = guess_columns(ROWS, ITEMS.rename(columns={"heading": "x", "shelf": "y", "writer": "z"}))
    assert (guess.user, guess.item, guess.time, guess.item_key, guess.title) == ("a", "b", "c", "code", "x")
    assert guess.rating is None and guess.categories is None  # nothing says so


def test_a_name_that_its_values_contradict_is_not_believed() -> None:
    guess = guess_columns(named(c="made", d="date"), ITEMS)
    assert guess.time == "made"
    assert guess_columns(ROWS.assign(rating=[f"good {n}" for n in range(N)]), ITEMS).rating is None


def test_one_table_holds_both() -> None:
    titles = dict(zip(ITEMS["code"], ITEMS["heading"], strict=True))
    guess = guess_columns(named(a="who", b="book").assign(title=ROWS["b"].map(titles)))
    assert (guess.user, guess.item, guess.item_key, guess.title) == ("who", "book", "book", "title")


@pytest.mark.parametrize(
    ("item", "title"),
    [("recipe_id", "recipe"), ("wine_id", "wine"), ("StockCode", "Description"), ("k", "game"), ("pid", "title")],
)
@pytest.mark.parametrize("user", ["user_id", "z"])
def test_an_item_and_its_title_in_one_table_are_told_apart_by_their_values(item: str, title: str, user: str) -> None:
    titles = ROWS["b"].map(dict(zip(ITEMS["code"], ITEMS["heading"], strict=True)))
    rows = ROWS.rename(columns={"a": user, "b": item}).assign(**{title: titles})
    rows["user_name"] = rows[user] + " Smith"
    rows["invoice"] = [str(9000 + n // 3) for n in range(N)]  # a basket: more of them than items
    rows["nr"] = "London"
    for columns in (list(rows), sorted(rows, reverse=True)):
        guess = guess_columns(rows[columns])
        assert (guess.item, guess.item_key, guess.title, guess.description) == (item, item, title, None)
        assert guess.user in (user, "user_name") and guess.time == "c"


def test_columns_that_a_person_names_steer_the_guesses_of_the_others() -> None:
    titles = ROWS["b"].map(dict(zip(ITEMS["code"], ITEMS["heading"], strict=True)))
    rows = named(a="member", b="code").assign(film=titles)
    guess = guess_columns(rows, given={"item": "film", "user": "nr"})
    assert (guess.item, guess.title, guess.user) == ("film", "code", "nr")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024-05-01", "2024-05-01T20:15:00Z"], True), (["1714560000", "1714560001"], True),
        (["20240501", "20240502"], True), (["1", "2"], False), (["spring", "summer"], False), ([None, None], False),
    ],
)  # fmt: skip
def test_times_are_what_prepare_reads(values: list[str], expected: bool) -> None:
    assert is_time(pd.Series(values, dtype=object)) is expected


def test_a_time_at_which_something_begins_goes_before_one_at_which_it_ends() -> None:
    both = ROWS.rename(columns={"c": "lent_on"}).assign(returned_on="2024-04-30").iloc[:, ::-1]
    assert list(both)[0] == "returned_on" and guess_columns(both).time == "lent_on"
    assert guess_columns(both.rename(columns={"lent_on": "date_of_lending"})).time == "date_of_lending"
    nameless = ROWS.assign(later=[f"2024-05-{1 + n % 30:02}" for n in range(N)])
    assert guess_columns(nameless).time == "c"  # the first, though the other one has more values
    assert guess_columns(nameless.assign(c="2024-03-01")).time == "later"


@pytest.mark.parametrize("column", ["c", "date"])
def test_dates_that_prepare_does_not_read_are_nobody(column: str) -> None:
    dates = [f"{1 + n % 13:02}.11.2020" for n in range(N)]  # more of them than users or items
    guess = guess_columns(ROWS.assign(c=dates).rename(columns={"c": column}), ITEMS)
    assert (guess.user, guess.item, guess.time) == ("a", "b", None)
    assert not is_date(pd.Series(["10.0.0.1"])) and not is_date(pd.Series(["978-3-16"]))
    assert (
        is_date(pd.Series(dates)) and is_date(ROWS["c"]) and not is_date(ROWS["a"]) and not is_date(pd.Series(["1.5"]))
    )


def test_users_numbers_go_before_their_names() -> None:
    rows = ROWS.drop(columns="a").assign(member_name=[f"Ann {n % 7 % 6}" for n in range(N)], member_no=ROWS["a"])
    assert guess_columns(rows, ITEMS).user == "member_no"
    city = rows.assign(member_name=[f"Town {n % 3}" for n in range(N)])
    assert guess_columns(city, ITEMS).user == "member_name"  # by its name; these are other things


def test_of_columns_with_likely_names_the_first_is_taken() -> None:
    assert guess_columns(named(d="rating").assign(score="3")).rating == "rating"


def test_short_words_that_come_back_in_lists_are_categories() -> None:
    items = ITEMS.drop(columns="shelf").assign(x=["Puzzle; Party", "Party", "Puzzle"] * 3 + ["Party; Puzzle", "Solo"])
    assert guess_columns(ROWS, items).categories == "x"
    assert guess_columns(ROWS, items.assign(x=[f"Part {n}; Part {n + 100}" for n in range(11)])).categories is None
    assert guess_columns(ROWS, items.assign(x=["Puzzle", "Party"] * 5 + ["Solo"])).categories is None


def test_ratings_keys_texts_and_repeats() -> None:
    assert is_rating(ROWS["d"]) and not is_rating(ROWS["a"]) and not is_rating(pd.Series(["1714560000"]))
    assert is_key(ITEMS["code"]) and not is_key(ITEMS["shelf"]) and not is_key(pd.Series(["a", None]))
    assert is_text(ITEMS["heading"]) and not is_text(ROWS["d"]) and not is_text(ROWS["c"])
    assert repeats(ROWS["a"]) and not repeats(ROWS["nr"]) and not repeats(pd.Series(["x"] * 9))


def test_the_items_table_is_the_one_that_shares_the_ids(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "loans.csv", index=False)
    ITEMS.to_csv(tmp_path / "volumes.csv", index=False)
    pd.DataFrame({"code": ["q1", "q2"], "title": ["x", "y"]}).to_csv(tmp_path / "other.csv", index=False)
    (tmp_path / "notes.txt").write_text("not a table")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes("code,größe\n".encode("latin-1"))
    assert find_items_file(tmp_path / "loans.csv", ROWS) == tmp_path / "volumes.csv"
    (tmp_path / "volumes.csv").unlink()
    assert find_items_file(tmp_path / "loans.csv", ROWS) is None


@pytest.mark.parametrize(
    ("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t"), ("t.csv.gz", "|"), ("t.jsonl", "")]
)
def test_tables_of_every_kind_are_read(tmp_path: Path, name: str, separator: str) -> None:
    path = tmp_path / name
    text = ROWS.to_csv(index=False, sep=separator) if separator else ROWS.to_json(orient="records", lines=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert read_sample(path, 5).astype(str).equals(ROWS.head(5))
    assert list(read_sample(path, None, ["a", "b"]).columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "no such file"), ("t.xlsx", b"x", "unknown kind of table"),
        ("t.csv", b"", "cannot be read"),
        ("t.csv", b"a,b\n", "has no rows"), ("t.parquet", b"x", "cannot be read"),
        ("t.csv.gz", b"x", "cannot be read"),
        ("t.csv", b"a,b\n\xff\xfe,1\n", "is not UTF-8; convert it"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_one_clear_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_sample(tmp_path / name)


def test_blanks_around_the_names_of_columns_do_not_count(tmp_path: Path) -> None:
    """As prepare reads them."""
    (tmp_path / "a.csv").write_text("user, item\n1,2\n")
    assert list(read_sample(tmp_path / "a.csv", None, ["item"]).columns) == ["item"]


def test_a_sample_of_large_tables_shows_most_ids_once_and_few_in_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "SAMPLE_ROWS", 20)
    rows = pd.DataFrame({"user": [f"u{n}" for n in range(20)], "product": [f"p{n}" for n in range(80, 100)]})
    names = [f"Lamp {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(100)]
    items = pd.DataFrame({"id": [f"p{n}" for n in range(100)], "name": names})
    rows.to_csv(tmp_path / "sales.csv", index=False)
    items.to_csv(tmp_path / "products.csv", index=False)
    found = find_items_file(tmp_path / "sales.csv", rows)
    assert found is not None and found.name == "products.csv"
    guess = guess_columns(rows, items)
    assert (guess.user, guess.item, guess.item_key, guess.title) == ("user", "product", "id", "name")
