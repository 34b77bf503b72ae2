from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.store.texts import JsonLines


def test_json_round_trip_and_no_nan(tmp_path: Path) -> None:
    store.write_json(tmp_path / "a.json", {"título": 1.5})
    assert store.read_json(tmp_path / "a.json") == {"título": 1.5}
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write_json(tmp_path / "b.json", {"x": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


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


def test_lines_are_counted_from_either_end(tmp_path: Path) -> None:
    store.write_jsonl(tmp_path / "a.jsonl", [{"id": 1}, {"id": 2}, {"id": 3}])
    lines = JsonLines(tmp_path / "a.jsonl", ("id",))
    assert [lines[number]["id"] for number in (0, 2, -1, -3)] == [1, 3, 3, 1]
    assert [row["id"] for row in reversed(lines)] == [3, 2, 1]
    for number in (3, -4):
        with pytest.raises(IndexError):
            lines[number]


def test_a_text_is_read_whatever_program_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    assert store.read_text(path, "utf-8-sig") == "a\nb\n"
    with pytest.raises(InputError, match="b.csv: no such file; save it first"):
        store.read_text(tmp_path / "b.csv", remedy="save it first")
