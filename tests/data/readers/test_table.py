from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from recexplainer.data.readers import open_raw
from recexplainer.errors import InputError

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
    with pytest.raises(InputError, match="uses column 'at' for two things"):
        open_raw(dataset(**files, columns=columns(time="at", rating="at")))
    (tmp_path / "rows.xlsx").write_bytes(b"")
    with pytest.raises(InputError, match=r"rows.xlsx: unknown kind of table; expected a folder of Parquet files, or a name in \.csv"):
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
    with pytest.raises(InputError, match="items.csv: it describes none of the 1 items of"):
        raw.read_items({"z"})
