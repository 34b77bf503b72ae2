"""Reading in pieces, and the two paths through a piece."""

from __future__ import annotations

import csv
import io
import random

import pytest

from recexplainer.data.readers import delimited, files, json_lines
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, read_chunks

FIELDS = [
    Field("id", "user", "text", True),
    Field("n", "rating", "number", True),
    Field("t", "title", "text"),
]
TITLES = ['a "quoted" one', "two\nlines", "comma, and; more", "Étoile", "", '"', "plain"]


def rows():
    return [{"id": f"u{n}", "n": n / 2, "t": TITLES[n % len(TITLES)], "other": "x"} for n in range(50)]


def csv_file(path):
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "n", "t", "other"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows())
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def read(reader, path):
    values = [row for table in reader(path, FIELDS, BadLines(path, 0)) for row in table.to_pylist()]
    return [value | {"title": value["title"] or ""} for value in values]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_fast_and_the_careful_path_read_the_same(tmp_path, write_lines, monkeypatch, kind):
    if kind == "csv":
        module, reader, path = delimited, delimited.read_delimited, csv_file(tmp_path / "rows.csv")
    else:
        module, reader = json_lines, json_lines.read_json_lines
        path = write_lines(tmp_path / "rows.jsonl", rows())
    expected = [{"user": row["id"], "rating": row["n"], "title": row["t"]} for row in rows()]
    used = []
    fast_table = module._fast_table
    monkeypatch.setattr(module, "_fast_table", lambda *given: used.append(fast_table(*given)) or used[-1])
    assert read(reader, path) == expected
    assert used[0] is not None
    monkeypatch.setattr(module, "_fast_table", lambda *given: None)
    for size in (16, 100, 2**24):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        assert read(reader, path) == expected


def test_pieces_are_whole_records_and_join_to_the_file(tmp_path, monkeypatch):
    path = csv_file(tmp_path / "rows.csv")
    monkeypatch.setattr(files, "CHUNK_BYTES", 20)
    pieces = list(read_chunks(path, quoted=True))
    assert len(pieces) > 20
    assert b"".join(piece for _, piece in pieces) == path.read_bytes()
    line = 1
    for first_line, piece in pieces:
        assert first_line == line
        assert piece.endswith(b"\n") and piece.count(b'"') % 2 == 0
        line += piece.count(b"\n")


def test_the_last_record_end_is_the_last_line_break_outside_of_quotes():
    rng = random.Random(5)
    for _ in range(3000):
        block = bytes(rng.choice(b'ab"\n') for _ in range(rng.randrange(14)))
        outside = [n + 1 for n in range(len(block)) if block[n : n + 1] == b"\n" and block[:n].count(b'"') % 2 == 0]
        assert files._last_record_end(block, quoted=True) == max(outside, default=0), block
