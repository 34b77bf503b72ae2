from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from recexplainer import store
from recexplainer.errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_atomic_path_replaces_a_file_on_success_only(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(RuntimeError), store.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and names(tmp_path) == ["a.json"]
    with store.atomic_path(target) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("new")
    assert target.read_text() == "new" and names(tmp_path) == ["a.json"]


def test_atomic_path_replaces_a_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with store.atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "one").write_text("1")
    with store.atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "two").write_text("2")
    assert names(target) == ["two"] and names(target.parent) == ["model"]


def test_atomic_path_wants_something_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.atomic_path(tmp_path / "a"):
        pass
    assert names(tmp_path) == []


def test_json_round_trip_and_no_nan(tmp_path: Path) -> None:
    store.write_json(tmp_path / "a.json", {"título": 1.5})
    assert store.read_json(tmp_path / "a.json") == {"título": 1.5}
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write_json(tmp_path / "b.json", {"x": float("nan")})
    assert names(tmp_path) == ["a.json"]


def test_jsonl_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    store.write_jsonl(path, [{"id": 1, "t": "a\u2028b"}, {"id": 2}])
    assert [row["id"] for row in store.read_jsonl(path, ("id",))] == [1, 2]
    with pytest.raises(InputError, match="a.jsonl: line 2: has no 't'"):
        store.read_jsonl(path, ("t",))
    path.write_text('{"id": 1}\n{"id": \n')
    with pytest.raises(InputError, match="a.jsonl: line 2: is not valid JSON"):
        store.read_jsonl(path)
    path.write_text("[1]\n")
    with pytest.raises(InputError, match="line 1: expected a JSON object"):
        store.read_jsonl(path)
    path.write_text("")
    assert store.read_jsonl(path) == []
    path.write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(InputError, match="is not UTF-8"):
        store.read_jsonl(path)
    with pytest.raises(InputError, match="no such file; run the stage"):
        store.read_jsonl(tmp_path / "none.jsonl")


def test_a_text_is_read_whatever_program_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    assert store.read_text(path, "utf-8-sig") == "a\nb\n"
    with pytest.raises(InputError, match="b.csv: no such file; save it first"):
        store.read_text(tmp_path / "b.csv", remedy="save it first")


def test_parquet_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    store.write_parquet(path, pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="a.parquet: has no column 'b'"):
        store.read_parquet(path, ("a", "b"))
    path.write_text("no parquet")
    with pytest.raises(InputError, match="is not a readable Parquet file"):
        store.read_parquet(path)
    with pytest.raises(InputError, match="no such file"):
        store.read_parquet(tmp_path / "b.parquet")


def test_interactions_are_stored_sorted_and_typed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [2, 1, 1], "item_id": [3, 1, 2], "position": [0, 1, 0], "rating": [5, 4, 3]})
    store.write_interactions(frame, tmp_path / "i.parquet")
    read = pd.read_parquet(tmp_path / "i.parquet")
    assert read["item_id"].tolist() == [2, 1, 3]
    assert {name: str(kind) for name, kind in read.dtypes.items()} == {
        "user_id": "int32", "item_id": "int32", "position": "int32", "rating": "float32",
    }  # fmt: skip
    assert list(store.read_interactions(tmp_path / "i.parquet").sequence(1)) == [2, 1]


def test_pointers_are_checked(empty_project: Path) -> None:
    with pytest.raises(InputError, match="no such pointer; register the model first"):
        store.read_pointer("explainer-both")
    store.write_json(store.pointer("explainer-both"), {"name": "n", "alias": "a"})
    with pytest.raises(InputError, match="expected the keys name, alias, content_sha256"):
        store.read_pointer("explainer-both")
