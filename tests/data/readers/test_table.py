from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw

INTERACTIONS = pd.DataFrame(
    {"user_id": [7, 7, 8], "item_id": ["x", "y", "x"], "at": [30, 10, 20], "stars": [5.0, 4.5, 1.0]}
)
ITEMS = pd.DataFrame(
    {
        "item_id": ["x", "y"],
        "title": ["One; two", 'The "best"'],
        "kinds": ["A|B", ""],
        "text": ["Long", "Short"],
    }
)


def write(folder, kind):
    names = f"interactions.{kind}", f"items.{kind}"
    for name, frame in zip(names, (INTERACTIONS, ITEMS), strict=True):
        path = folder / name
        if kind == "parquet":
            frame.to_parquet(path, index=False)
            continue
        separator = "\t" if ".tsv" in name else ","
        if ".jsonl" in name:
            text = "".join(json.dumps(row) + "\n" for row in frame.to_dict("records"))
        else:
            text = frame.to_csv(index=False, sep=separator)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return {"format": "table", "interactions_file": names[0], "items_file": names[1]}


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet"])
def test_every_kind_of_file_reads_alike(tmp_path, dataset, columns, kind):
    named = columns(time="at", rating="stars", categories="kinds", description="text")
    raw = open_raw(dataset(**write(tmp_path, kind), columns=named))
    interactions = raw.interactions
    assert interactions.user_names[interactions.users].tolist() == ["7", "7", "8"]
    assert interactions.item_names[interactions.items].tolist() == ["x", "y", "x"]
    assert interactions.times.tolist() == [30, 10, 20]
    assert interactions.ratings.tolist() == [5.0, 4.5, 1.0]
    assert interactions.orders is None
    items = raw.read_items({"x", "y"})
    assert items["title"].tolist() == ["One; two", 'The "best"']
    assert items["categories"].tolist() == [["A", "B"], []]
    assert items["description"].tolist() == [["Long"], ["Short"]]


def test_an_order_can_take_the_place_of_time(tmp_path, dataset, columns):
    raw = open_raw(dataset(**write(tmp_path, "csv"), columns=columns(order="at")))
    assert raw.interactions.orders.tolist() == [30, 10, 20]
    assert raw.interactions.times is None
    assert raw.interactions.ratings is None


def test_dates_are_read_as_utc_seconds(tmp_path, dataset, columns):
    files = write(tmp_path, "csv")
    (tmp_path / "interactions.csv").write_text(
        "user_id,item_id,at\n1,x,1970-01-02\n1,y,1970-01-01T00:00:10Z\n1,x,1970-01-01 01:00:00+01:00\n1,y,12.5\n"
    )
    raw = open_raw(dataset(**files, columns=columns(time="at")))
    assert raw.interactions.times.tolist() == [86400, 10, 0, 12.5]


def test_parquet_dates_and_missing_values(tmp_path, dataset, columns):
    files = write(tmp_path, "parquet")
    times = pd.to_datetime([86400, 10, 0], unit="s")
    frame = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": [1, 2, 1], "at": times})
    frame.to_parquet(tmp_path / "interactions.parquet")
    raw = open_raw(dataset(**files, columns=columns(time="at")))
    assert raw.interactions.times.tolist() == [86400, 10, 0]
    assert raw.interactions.item_names.tolist() == ["1", "2"]
    frame.assign(user_id=["a", None, "b"]).to_parquet(tmp_path / "interactions.parquet")
    with pytest.raises(InputError, match="line 2: 'user_id' is missing"):
        open_raw(dataset(**files, columns=columns(time="at")))
    raw = open_raw(dataset(**files, columns=columns(time="at"), max_bad_lines=1))
    assert raw.interactions.times.tolist() == [86400, 0]
    assert raw.report["interactions_file"]["bad_lines"] == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_is_not_there_is_named(tmp_path, dataset, columns, kind):
    files = write(tmp_path, kind)
    with pytest.raises(InputError, match="'when' is missing"):
        open_raw(dataset(**files, columns=columns(time="when")))
    raw = open_raw(dataset(**files, columns=columns(time="at", brand="maker")))
    with pytest.raises(InputError, match="column 'maker'"):
        raw.read_items({"x"})


def test_what_the_parameters_must_say(tmp_path, dataset, columns):
    files = write(tmp_path, "csv")
    with pytest.raises(InputError, match=r"name the column .* dataset.columns.time or .order"):
        open_raw(dataset(**files, columns=columns()))
    with pytest.raises(InputError, match="name the file in dataset.interactions_file"):
        open_raw(dataset(**files | {"interactions_file": None}, columns=columns(time="at")))
    with pytest.raises(InputError, match="uses column 'at' twice"):
        open_raw(dataset(**files, columns=columns(time="at", rating="at")))
    (tmp_path / "rows.xlsx").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"rows.xlsx: unknown kind of table; expected a folder of Parquet files, or a name in \.csv"
    ):
        open_raw(dataset(**files | {"interactions_file": "rows.xlsx"}, columns=columns(time="at")))


def test_a_file_that_is_no_parquet_is_refused(tmp_path, dataset, columns):
    files = write(tmp_path, "parquet")
    (tmp_path / "interactions.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match="interactions.parquet: cannot be read as Parquet"):
        open_raw(dataset(**files, columns=columns(time="at")))


def test_a_header_that_names_a_column_twice_is_refused(tmp_path, dataset, columns):
    files = write(tmp_path, "csv")
    (tmp_path / "interactions.csv").write_text("user_id,item_id,at,at\n1,x,1,2\n")
    with pytest.raises(InputError, match="column 'at' appears 2 times"):
        open_raw(dataset(**files, columns=columns(time="at")))


def test_items_that_describe_none_of_the_interactions_are_refused(tmp_path, dataset, columns):
    raw = open_raw(dataset(**write(tmp_path, "csv"), columns=columns(time="at")))
    with pytest.raises(InputError, match="items.csv: describes none of the 1 items of"):
        raw.read_items({"z"})


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".jsonl"])
def test_a_json_array_is_read_like_lines(tmp_path, dataset, columns, indent, suffix):
    files = write(tmp_path, "csv")
    rows = [*INTERACTIONS.to_dict("records"), {"user_id": 9}, 5]
    content = (" \n" + json.dumps(rows, indent=indent)).encode()
    name = f"interactions{suffix}"
    (tmp_path / name).write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    raw = open_raw(dataset(**files | {"interactions_file": name}, columns=columns(time="at"), max_bad_lines=2))
    assert raw.interactions.user_names[raw.interactions.users].tolist() == ["7", "7", "8"]
    assert raw.interactions.times.tolist() == [30, 10, 20]
    assert raw.report["interactions_file"]["bad_lines"] == 2
    (tmp_path / name).write_bytes(b"[{,}]" if not suffix.endswith(".gz") else gzip.compress(b"[{,}]"))
    with pytest.raises(InputError, match="begins as a JSON array but cannot be read as one"):
        open_raw(dataset(**files | {"interactions_file": name}, columns=columns(time="at")))


def test_json_lines_may_be_called_json(tmp_path, dataset, columns):
    files = write(tmp_path, "jsonl")
    (tmp_path / "interactions.jsonl").rename(tmp_path / "interactions.json")
    raw = open_raw(dataset(**files | {"interactions_file": "interactions.json"}, columns=columns(time="at")))
    assert raw.interactions.times.tolist() == [30, 10, 20]


def test_recboles_files_are_found_and_their_types_left_out(tmp_path, dataset, columns):
    (tmp_path / "tiny.inter").write_text("user_id:token\titem_id:token\tat:float\n7\tx\t30\n7\ty\t10.5\n")
    (tmp_path / "tiny.item").write_text(
        'item_id:token\ttitle:token_seq\tkinds:token_seq\nx\tOne, "two\tSci-Fi War\ny\tTwo\tDrama\n'
    )
    raw = open_raw(dataset(format="table", columns=columns(time="at", categories="kinds")))
    assert raw.interactions.times.tolist() == [30, 10.5]
    items = raw.read_items({"x", "y"})
    assert items["title"].tolist() == ['One, "two', "Two"]
    assert items["categories"].tolist() == [["Sci-Fi", "War"], ["Drama"]]


def parquet(tmp_path, columns_of, name="interactions.parquet"):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns_of), path)
    return path


def test_arrows_dates_and_decimals_are_read(tmp_path, dataset, columns):
    files = write(tmp_path, "parquet")
    day = pa.array([86400 * 1000, 0, 86400 * 2000], pa.date64())
    ids = pa.array([Decimal(7), Decimal(7), Decimal(8)], pa.decimal128(10, 0))
    large = pa.array([Decimal("1.00"), Decimal("2.00"), Decimal("1.00")], pa.decimal128(30, 2))
    for at in (day, day.cast(pa.date32()), day.cast(pa.timestamp("ns"))):
        parquet(tmp_path, {"user_id": ids, "item_id": large, "at": at})
        raw = open_raw(dataset(**files, columns=columns(time="at")))
        assert raw.interactions.times.tolist() == [86400, 0, 172800]
        assert raw.interactions.user_names[raw.interactions.users].tolist() == ["7", "7", "8"]
        assert raw.interactions.item_names[raw.interactions.items].tolist() == ["1", "2", "1"]
    coded = pa.array(["a", "b", None]).dictionary_encode()
    order = pa.array([2**53 + 1, 2**53 + 2, 2**53 + 3])
    parquet(tmp_path, {"user_id": coded, "item_id": pa.array(["x", "y", "x"], pa.large_string()), "n": order})
    raw = open_raw(dataset(**files, columns=columns(order="n"), max_bad_lines=1))
    assert raw.interactions.orders.tolist() == [2**53 + 1, 2**53 + 2]
    assert raw.interactions.item_names[raw.interactions.items].tolist() == ["x", "y"]


def test_a_folder_of_parquet_files_is_one_table(tmp_path, dataset, columns):
    files = write(tmp_path, "csv")
    for name, user in (("plays/part-1.parquet", "b"), ("plays/part-0.parquet", "a"), ("plays/_x/p.parquet", "no")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        parquet(tmp_path, {"user_id": [user, user], "item_id": ["x", None], "at": [1, 2]}, name)
    (tmp_path / "plays/_SUCCESS").write_text("")
    raw = open_raw(dataset(**files | {"interactions_file": "plays"}, columns=columns(time="at"), max_bad_lines=2))
    assert raw.interactions.user_names[raw.interactions.users].tolist() == ["a", "b"]
    assert raw.report["interactions_file"]["examples"] == [f"line {n}: 'item_id' is missing" for n in (2, 4)]
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="none: no such file"):
        open_raw(dataset(**files | {"interactions_file": "none"}, columns=columns(time="at")))


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_nested_categories_cost_the_field_and_not_the_item(tmp_path, dataset, columns, kind):
    files = write(tmp_path, kind)
    kinds = [["A", "B"], [["A"], ["B"]]] if kind == "jsonl" else [[["A", "B"]], [["A"], ["B"]]]
    frame = ITEMS.assign(kinds=kinds)
    if kind == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in frame.to_dict("records"))
        (tmp_path / "items.jsonl").write_text(text)
    else:
        frame.to_parquet(tmp_path / "items.parquet")
    named = columns(time="at", categories="kinds", brand="title", title="text")
    raw = open_raw(dataset(**files, columns=named))
    if kind == "parquet":  # of all items
        with pytest.raises(InputError, match="column 'kinds' is empty"):
            raw.read_items({"x", "y"})
        return
    items = raw.read_items({"x", "y"})
    assert items["categories"].tolist() == [["A", "B"], []] and items["title"].tolist() == ["Long", "Short"]
    dropped = raw.report["items_file"]["dropped_values"]
    assert dropped == {"kinds": {"n": 1, "first": "line 2: 'kinds' should be text, found ['A']"}}


@pytest.mark.parametrize(
    ("texts", "given", "found", "expected"),
    [
        (["A|B", "C, D"], None, "|", [["A", "B"], ["C, D"]]),
        (["A; B", "C, D"], None, ";", [["A", "B"], ["C, D"]]),
        (["A, B", "C"], None, ",", [["A", "B"], ["C"]]),
        (["A B", "C"], None, "|", [["A B"], ["C"]]),
        (["A/B", "C|D"], "/", None, [["A", "B"], ["C|D"]]),
    ],
)
def test_what_separates_categories_is_found_or_given(tmp_path, dataset, columns, texts, given, found, expected):
    files = write(tmp_path, "csv")
    ITEMS.assign(kinds=texts).to_csv(tmp_path / "items.csv", index=False)
    raw = open_raw(dataset(**files, columns=columns(time="at", categories="kinds"), categories_separator=given))
    assert raw.read_items({"x", "y"})["categories"].tolist() == expected
    assert raw.report["items_file"]["read_as"].get("categories_separator") == found
    with (tmp_path / "items.csv").open("a") as file:  # the careful path reads them alike
        file.write("broken\n")
    raw = open_raw(
        dataset(**files, columns=columns(time="at", categories="kinds"), categories_separator=given, max_bad_lines=1)
    )
    assert raw.read_items({"x", "y"})["categories"].tolist() == expected


@pytest.mark.parametrize(
    "times",
    [["1510102500", "1510102500000"], ["1510102500000", "2017-11-08"], ["1510102500000000", "1510102500000", "7"]],
)
def test_times_in_two_units_are_said(tmp_path, dataset, columns, times):
    files = write(tmp_path, "csv")
    rows = "".join(f"u,x,{time}\n" for time in times)
    (tmp_path / "interactions.csv").write_text("user_id,item_id,at\n" + rows)
    with pytest.raises(
        InputError, match=r"interactions.csv: the times have more than one unit: 1 look like \w+, 1 look"
    ):
        open_raw(dataset(**files, columns=columns(time="at")))
    if "-" not in "".join(times):
        raw = open_raw(dataset(**files, columns=columns(order="at")))
        assert raw.interactions.orders.tolist() == [int(time) for time in times]


def test_times_that_read_as_days_are_numbers_and_that_is_reported(tmp_path, dataset, columns):
    files = write(tmp_path, "csv")
    (tmp_path / "interactions.csv").write_text("user_id,item_id,at\nu,x,20240501\nu,y,20240430\n")
    raw = open_raw(dataset(**files, columns=columns(time="at")))
    assert raw.interactions.times.tolist() == [20240501, 20240430] and "yyyymmdd" in raw.report["times"]


def test_an_order_above_two_to_the_53rd_keeps_rows_and_their_order(tmp_path, dataset, columns, prepare_settings):
    files = write(tmp_path, "csv")
    rows = "".join(f"u,{item},{2**53 + n}\n" for n, item in ((3, "x"), (1, "y"), (2, "x"), (0, "x")))
    (tmp_path / "interactions.csv").write_text("user_id,item_id,at\n" + rows)
    for named in (columns(order="at"), columns(time="at")):
        prepared = prepare_data(open_raw(dataset(**files, columns=named)), prepare_settings(), seed=1)
        titles = prepared.catalogue.set_index("item_id")["raw_id"]
        assert [titles[item] for item in prepared.interactions["item_id"]] == ["x", "y", "x", "x"]
    assert prepared.interactions["timestamp"].tolist() == [2**53 + n for n in range(4)]
    (tmp_path / "interactions.csv").write_text(f"user_id,item_id,at\nu,x,{2**53 + 1}\nu,y,1.5\n")
    with pytest.raises(InputError, match=r"mixes whole numbers above 2\^53 with fractions"):
        open_raw(dataset(**files, columns=columns(order="at")))
