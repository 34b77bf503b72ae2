"""What a data set's faults cost is said, and too much of it stops the stage with the likely mend."""

from __future__ import annotations

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.id_forms import likely_mend
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw

TITLES = {f"{n}": f"Film {n}" for n in range(3, 13)}


@pytest.fixture
def prepared(tmp_path, dataset, columns, prepare_settings):
    """Prepare a table of plays, of 20 users with ten items each, whose ids a function spells."""

    def make(spell, titles=TITLES, title_bytes=None, max_lost=0.05, **changes):
        rows = [f"u{user},{spell(user, item)},{n}" for user in range(20) for n, item in enumerate(TITLES)]
        (tmp_path / "plays.csv").write_text("\n".join(["user_id,item_id,at", *rows, *changes.pop("more", [])]))
        text = "\n".join(["item_id,title", *(f"{raw_id},{title}" for raw_id, title in titles.items())])
        (tmp_path / "items.csv").write_bytes(text.encode() + (title_bytes or b""))
        files = {"format": "table", "interactions_file": "plays.csv", "items_file": "items.csv", "max_bad_lines": 40}
        raw = open_raw(dataset(**files | changes, columns=columns(time="at")))
        lines = []
        return prepare_data(raw, prepare_settings(max_lost=max_lost), 1, lines.append), "\n".join(lines)

    return make


@pytest.mark.parametrize(
    ("spell", "mend"),
    [
        (lambda user, item: f"{item}.0" if user % 2 else item, "removing `.0`"),
        (lambda user, item: f" {item}" if user % 2 else item, "stripping spaces"),
    ],
)
def test_ids_in_two_forms_stop_it(prepared, spell, mend):
    with pytest.raises(InputError, match=rf"100 of 200 interactions have an id of items .* ids match after {mend}"):
        prepared(spell)
    done, said = prepared(spell, max_lost=1)
    assert len(done.interactions) == 100 and done.report["lost"]["share"] == 0.5
    assert done.report["lost"]["n_doubled_ids"] == {"users": 0, "items": 100}
    assert "lost 50.0%" in said and "100 interactions with ids of items in two forms" in said


@pytest.mark.parametrize(
    ("titles", "mend"),
    [
        ({f"{raw_id}.0": title for raw_id, title in TITLES.items()}, "removing `.0`"),
        ({f" {raw_id} ": title for raw_id, title in TITLES.items()}, "stripping spaces"),
        ({f"000{raw_id}": title for raw_id, title in TITLES.items()}, "removing leading zeros"),
    ],
)
@pytest.mark.parametrize("n_known", [0, 5])
def test_ids_that_the_other_file_spells_in_another_way_stop_it(prepared, titles, mend, n_known):
    known = dict(list(TITLES.items())[:n_known])
    what = (
        "100 of 200 interactions are lost .50.0%; .* 100 to items missing from the items' file"
        if n_known
        else ("describes none of the 10 items")
    )
    with pytest.raises(InputError, match=rf"{what}.*; ids match after {mend}"):
        prepared(lambda user, item: item, titles=known | titles)


def test_titles_in_latin_1_stop_it_and_the_encoding_is_named(prepared):
    titles = dict(list(TITLES.items())[:7])
    latin = "".join(f"\n{raw_id},Café {raw_id}" for raw_id in ("10", "11", "12")).encode("latin-1")
    with pytest.raises(
        InputError, match=r"60 of 200 .*all titles are valid when decoded as latin-1: set dataset.encoding"
    ):
        prepared(lambda user, item: item, titles, latin)
    done, said = prepared(lambda user, item: item, titles, latin, encoding="latin-1")
    assert "Café 12" in list(done.catalogue["title"]) and "encoding 'latin-1'" in said and "lost 0.0%" in said
    with pytest.raises(
        InputError, match=r"dataset.max_bad_lines allows 2\); all titles are valid when decoded as latin-1"
    ):
        prepared(lambda user, item: item, titles, latin, max_bad_lines=2)


def test_untitled_items_and_bad_rows_count_as_well(prepared):
    untitled = TITLES | {"3": "", "4": " "}
    with pytest.raises(InputError, match=r"40 of 200 interactions are lost .* 40 to items without a title; fix"):
        prepared(lambda user, item: item, untitled)
    bad = ["broken"] * 20
    with pytest.raises(InputError, match=r"20 of 220 interactions are lost \(9.1%; .*: 20 to bad rows, 0 to items"):
        prepared(lambda user, item: item, more=bad)
    done, said = prepared(lambda user, item: item, more=bad, max_lost=0.1)
    assert done.report["lost"] == {
        "n_bad_rows": 20, "n_unknown": 0, "n_untitled": 0, "share": 0.0909, "n_doubled_ids": {"users": 0, "items": 0}
    }  # fmt: skip
    assert "plays.csv: delimiter ','" in said and "20 bad lines (line 202: 1 values" in said


def test_choices_are_no_losses(tmp_path, prepared, dataset, columns, prepare_settings):
    prepared(lambda user, item: item)
    files = {"format": "table", "interactions_file": "plays.csv", "items_file": "items.csv"}
    settings = prepare_settings(max_lost=0, max_items=4, max_users=5, untitled_items="keep")
    (tmp_path / "items.csv").write_text("item_id,title\n3,Film")
    lines = []
    done = prepare_data(open_raw(dataset(**files, columns=columns(time="at"))), settings, 1, lines.append)
    assert len(done.interactions) == 20 and done.report["lost"]["share"] == 0


def test_the_steps_are_told_as_a_table(prepared):
    _, said = prepared(lambda user, item: item)
    table = [line.split() for line in said.splitlines()]
    assert ["step", "interactions", "users", "items"] in table
    assert ["read", "200", "20", "10"] in table and ["k_core_last", "200", "20", "10"] in table
    assert said.splitlines()[-1] == "lost 0.0%: 0 unknown items, 0 without a title"


def test_a_mend_has_to_explain_most_of_what_is_unknown():
    assert likely_mend({"3.0": 1, "x": 5}, ["3"]) == ""
    assert likely_mend({"B00x": 4}, ["b00X"]) == "ids match after ignoring case"
    assert likely_mend({}, ["3"]) == ""
