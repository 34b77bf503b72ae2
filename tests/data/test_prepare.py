from __future__ import annotations

import math
import random

import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Split
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw
from recexplainer.data.readers.raw import ITEM_LISTS, ITEM_TEXTS, RawData

AWKWARD = ["Rust; Bone; Glory", 'The "Quiet" Harbor', "Étoile 星の庭", "Slot <item> Machine"]


@pytest.fixture
def raw_data(raw_interactions):
    """Raw data from interaction rows and titles by raw id."""

    def make(rows, titles, **attributes):
        def read_items(wanted):
            empty = dict.fromkeys(ITEM_TEXTS, "") | {name: [] for name in ITEM_LISTS}
            known = [item for item in titles if item in wanted]
            return pd.DataFrame(
                [empty | {"raw_id": item, "title": titles[item]} | attributes.get(item, {}) for item in known],
                columns=["raw_id", *empty],
            )

        return RawData(raw_interactions(rows), read_items, [], has_markup=True)

    return make


def triples(user, items, start=0):
    return [(user, item, start + n) for n, item in enumerate(items)]


def sequences(prepared):
    """Raw ids by raw user id, in the prepared order."""
    items = prepared.catalogue.set_index("item_id")["raw_id"]
    users = prepared.users.set_index("user_id")["raw_id"]
    frame = prepared.interactions
    return {users[user]: [items[i] for i in rows["item_id"]] for user, rows in frame.groupby("user_id")}


def test_sequences_are_in_time_order_and_ties_in_input_order(raw_data, prepare_settings):
    rows = [
        ("u", "c", 3),
        ("u", "b", 1),
        ("u", "d", 1),
        ("u", "a", 1),
        ("t", "a", 9),
        ("t", "b", 8),
        ("t", "c", 7),
    ]
    prepared = prepare_data(raw_data(rows, dict(zip("abcd", AWKWARD, strict=True))), prepare_settings(), seed=1)
    assert sequences(prepared) == {"t": ["c", "b", "a"], "u": ["b", "d", "a", "c"]}
    assert prepared.interactions["user_id"].tolist() == [1, 1, 1, 2, 2, 2, 2]
    assert prepared.interactions["position"].tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert prepared.interactions["timestamp"].tolist() == [7, 8, 9, 1, 1, 1, 3]
    assert prepared.catalogue["title"].tolist() == AWKWARD
    assert prepared.users["raw_id"].tolist() == ["t", "u"]


def test_numeric_ids_are_numbered_by_value(raw_data, prepare_settings):
    titles = {str(n): f"Film {n}" for n in (2, 10, 9)}
    rows = triples("11", ["10", "9", "2"]) + triples("5", ["2", "9", "10"])
    prepared = prepare_data(raw_data(rows, titles), prepare_settings(), seed=1)
    assert prepared.catalogue["raw_id"].tolist() == ["2", "9", "10"]
    assert prepared.users["raw_id"].tolist() == ["5", "11"]


def test_the_order_of_the_rows_does_not_matter(raw_data, prepare_settings):
    rng = random.Random(4)
    rows = [(f"u{u}", f"i{rng.randrange(12)}", t) for u in range(40) for t in range(8)]
    titles = {f"i{n}": f"Title {n % 6}" for n in range(12)}
    shuffled = rng.sample(rows, len(rows))
    settings = prepare_settings(k_core=5, max_items=10, max_users=30, split=Split(0.6, 0.2, 0.2))
    first = prepare_data(raw_data(rows, titles), settings, seed=3)
    other = prepare_data(raw_data(shuffled, dict(rng.sample(sorted(titles.items()), 12))), settings, seed=3)
    for name in ("interactions", "catalogue", "users"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(other, name))
    assert first.report == other.report


def test_items_without_title_or_unknown_go_before_the_core_and_are_counted(raw_data, prepare_settings):
    """u3 has three items, one of them untitled and one unknown: it falls out of the 2-core with them."""
    titles = {"a": "A", "b": "B", "c": "C", "blank": " \n "}
    rows = triples("u1", "abc") + triples("u2", "abc") + triples("u3", ["a", "blank", "gone"])
    rows += triples("u1", ["blank", "gone"], 10)
    prepared = prepare_data(raw_data(rows, titles), prepare_settings(k_core=2), seed=1)
    assert sequences(prepared) == {"u1": ["a", "b", "c"], "u2": ["a", "b", "c"]}
    report = prepared.report
    assert report["items"]["n_unknown"] == 1 and report["items"]["unknown_examples"] == ["gone"]
    assert report["items"]["n_without_title"] == 1 and report["items"]["without_title_examples"] == ["blank"]
    steps = {step["step"]: step["n_interactions"] for step in report["steps"]}
    assert steps == {
        "read": 11, "min_rating": 11, "duplicates": 11, "k_core": 11, "titled_items": 7, "k_core_titled": 6,
        "min_user_items": 6, "k_core_last": 6,
    }  # fmt: skip


def test_items_without_title_or_unknown_stay_when_asked(raw_data, prepare_settings):
    titles = {"a": "A", "c": "Untitled  blank", "blank": " \n ", "<b>d</b>": "<b></b>"}
    rows = triples("u1", ["a", "blank", "gone"]) + triples("u2", ["c", "<b>d</b>", "a", "blank"])
    data = raw_data(rows, titles, blank={"brand": "North"})
    prepared = prepare_data(data, prepare_settings(untitled_items="keep"), seed=1)
    assert sequences(prepared) == {"u1": ["a", "blank", "gone"], "u2": ["c", "<b>d</b>", "a", "blank"]}
    catalogue = prepared.catalogue.set_index("raw_id")
    assert catalogue["title"].to_dict() == {
        "a": "A",
        "blank": "Untitled blank (North)",
        "c": "Untitled blank (c)",
        "gone": "Untitled gone",
        "<b>d</b>": "Untitled <b>d</b>",
    }
    assert catalogue.loc["blank", "brand"] == "North"
    assert catalogue.loc["gone", ["brand", "description"]].tolist() == ["", ""]
    assert list(catalogue.loc["gone", "categories"]) == [] and math.isnan(catalogue.loc["gone", "price"])
    items = prepared.report["items"]
    assert (items["n_without_title"], items["without_title_examples"]) == (2, ["<b>d</b>", "blank"])
    assert (items["n_unknown"], items["unknown_examples"], items["n_untitled_kept"]) == (1, ["gone"], 3)
    steps = {step["step"]: step["n_interactions"] for step in prepared.report["steps"]}
    assert steps["titled_items"] == 7


def test_where_every_item_has_a_title_both_choices_give_the_same(raw_data, prepare_settings):
    rows, titles = triples("u", "abc"), dict(zip("abc", AWKWARD, strict=False))
    dropped, kept = (
        prepare_data(raw_data(rows, titles), prepare_settings(untitled_items=choice), seed=1)
        for choice in ("drop", "keep")
    )
    pd.testing.assert_frame_equal(dropped.catalogue, kept.catalogue)
    pd.testing.assert_frame_equal(dropped.interactions, kept.interactions)
    assert dropped.report == kept.report and dropped.report["items"]["n_untitled_kept"] == 0


def test_another_choice_is_refused(prepare_settings):
    with pytest.raises(ValueError, match="Input should be 'drop' or 'keep'"):
        prepare_settings(untitled_items="rename")


def test_low_ratings_and_duplicates_go(raw_data, prepare_settings):
    rows = [
        ("u", "a", 1, 5),
        ("u", "a", 1, 5),
        ("u", "b", 2, 2),
        ("u", "c", 3, 4),
        ("u", "d", 4, 4),
        ("u", "a", 9, 4),
    ]
    prepared = prepare_data(raw_data(rows, {c: c for c in "abcd"}), prepare_settings(min_rating=4), seed=1)
    assert sequences(prepared) == {"u": ["a", "c", "d", "a"]}
    assert prepared.interactions["rating"].tolist() == [5, 4, 4, 4]
    assert prepared.report["n_repeated_interactions"] == 1
    assert prepared.report["n_targets_in_own_history"] == 1


def test_users_left_with_too_little_by_the_popular_items_go(raw_data, prepare_settings):
    rows = triples("u1", "abcd") + triples("u2", "abce") + triples("u3", "abxyz")
    prepared = prepare_data(raw_data(rows, {c: c for c in "abcdexyz"}), prepare_settings(max_items=3), seed=1)
    assert sequences(prepared) == {"u1": ["a", "b", "c"], "u2": ["a", "b", "c"]}


def test_twins_are_told_apart_and_reported(raw_data, prepare_settings):
    data = raw_data(
        triples("u", "abc"),
        {"a": "Twin Rivers", "b": "twin  rivers", "c": "&quot;Sole&quot;"},
        a={"brand": "North"},
        b={"brand": "South"},
    )
    prepared = prepare_data(data, prepare_settings(), seed=1)
    assert prepared.catalogue["title"].tolist() == ["Twin Rivers (North)", "twin rivers (South)", '"Sole"']
    assert prepared.report["titles"]["counts"] == {
        "twin_told_apart_by_brand": 2, "white_space": 1, "html_entities": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k_core": 9}, "the step 'k_core' leaves no interactions; before it there were 6 of 2 users"),
        ({"min_rating": 9}, "no ratings"),
        ({"min_user_items": 4}, "the step 'min_user_items' leaves no interactions"),
        ({"split": Split(0.0, 0.0, 1.0)}, None),
        ({"split": Split(1 - 1e-9, 1e-9, 0.0)}, "none of the 2 users falls into the split 'valid'"),
    ],
)
def test_what_cannot_be_done_is_refused(raw_data, prepare_settings, changes, message):
    data = raw_data(triples("u1", "abc") + triples("u2", "abc"), {c: c for c in "abc"})
    if message is None:
        prepare_data(data, prepare_settings(**changes), seed=1)
        return
    with pytest.raises(InputError, match=message):
        prepare_data(data, prepare_settings(**changes), seed=1)


def test_an_order_that_contradicts_the_time_is_refused(tmp_path, dataset, columns, prepare_settings):
    (tmp_path / "i.csv").write_text("user_id,item_id,at,n\nu,a,10,0\nu,b,30,1\nu,c,20,2\n")
    (tmp_path / "t.csv").write_text("item_id,title\na,A\nb,B\nc,C\n")
    files = {"format": "table", "interactions_file": "i.csv", "items_file": "t.csv"}
    with pytest.raises(InputError, match="time runs backwards for user 'u' at position 2 .30 then 20"):
        prepare_data(open_raw(dataset(**files, columns=columns(time="at", order="n"))), prepare_settings(), seed=1)
    prepared = prepare_data(open_raw(dataset(**files, columns=columns(time="at"))), prepare_settings(), seed=1)
    assert sequences(prepared) == {"u": ["a", "c", "b"]}
    prepared = prepare_data(open_raw(dataset(**files, columns=columns(order="n"))), prepare_settings(), seed=1)
    assert sequences(prepared) == {"u": ["a", "b", "c"]}
    assert "timestamp" not in prepared.interactions
