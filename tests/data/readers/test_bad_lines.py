"""A bad line is lost, and no other line says anything else because of it: on either path, whatever the format."""

from __future__ import annotations

import json
import random

import pytest

from recexplainer.data.readers import files
from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, Dialect
from recexplainer.data.readers.headerless import read_headerless
from recexplainer.data.readers.json_lines import read_json_lines
from recexplainer.data.readers.python_lines import read_python_lines

FIELDS = [
    Field("id", "user", "text", True),
    Field("at", "time", "time", True),
    Field("n", "order", "order", True),
    Field("stars", "rating", "number", True),
    Field("t", "title", "text"),
]
NAMES = [field.column for field in FIELDS] + ["other"]
TIMES = ["1510102500000", "20240501", "2024", "12.5", " 7 ", "+5", "1e9", "007", "-3", "2024-05-01", "0.1"]
ORDERS = ["1", "2.0", "40", "9007199254740991"]
TITLES = ["plain", 'a "quoted" one', "comma, and; more", "Étoile", "", "O'Neil\tTab", 'ends in "', "x" * 200_000]
BAD_TEXT = [
    b"",
    b"only,three,values",
    b'"never closed,1,1,1,t,o',
    b"u,soon,1,1,t,o",
    b"u,1,1,one,t,o",
    b"u,1,1,1,caf\xe9,o",
]
BAD_TEXT += [b",1,1,1,t,o", b'u,1,1,1,"x" y,o', b"u,1,1,1,t\rt,o", b"u,0x1F,1,1,t,o", b"u,1_0,1,1,t,o"]


def row(rng):
    user = rng.choice(["u1", "3", "3.0", " i3", "0007"])
    values = [user, rng.choice(TIMES), rng.choice(ORDERS), rng.choice(["5", "4.5", "+1"])]
    return [*values, rng.choice(TITLES), rng.choice(["", "o", "caf\udce9"])]


def quoted(value, escape):
    if not any(mark in value for mark in '",\n\\'):
        return value
    return '"' + value.replace("\\", "\\\\" if escape == "\\" else "\\").replace('"', escape + '"') + '"'


def csv_line(values, escape='"'):
    return ",".join(quoted(value, escape) for value in values).encode("utf-8", "surrogateescape")


def json_line(values):
    numbers = dict(zip(NAMES, values, strict=True))
    return json.dumps(numbers, ensure_ascii=False).encode("utf-8", "surrogateescape")


def read(reader, path, *more):
    bad = BadLines(path, 10**6, *more)
    rows = [tuple(row.values()) for table in reader(path, FIELDS, bad) for row in table.to_pylist()]
    return [tuple(value or None for value in row) for row in rows], bad


def csv_of(*more):
    return lambda path: read(read_delimited, path, *more)


def headerless(path):
    return read(lambda path, fields, bad: read_headerless(path, NAMES, fields, bad, ","), path)


HEADER = ",".join(NAMES).encode()
BAD_JSON = [b"{", b"[1]", b'{"id":"u"}', b'{"id":"u","at":"soon","n":1,"stars":1}', b'"', b'{"id":"u","at":"\xe9"}']
KINDS = {
    "double": (csv_of(), HEADER, csv_line, BAD_TEXT),
    "trusted": (csv_of(Dialect(quoting="double")), HEADER, csv_line, BAD_TEXT),
    "backslash": (csv_of(Dialect(quoting="backslash")), HEADER, lambda row: csv_line(row, "\\"), BAD_TEXT),
    "json": (lambda path: read(read_json_lines, path), None, json_line, BAD_JSON),
    "python": (
        lambda path: read(read_python_lines, path),
        None,
        lambda values: repr(dict(zip(NAMES, [*values[:-1], "o"], strict=True))).encode(),
        BAD_JSON,
    ),
    "headerless": (
        headerless,
        None,
        lambda values: ",".join(value.replace(",", " ") for value in values).encode("utf-8", "surrogateescape"),
        [line for line in BAD_TEXT if b'"' not in line and b"\xe9" not in line and b"\r" not in line],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_line_changes_nothing_else(tmp_path, monkeypatch, kind):
    read_file, header, line, bad_lines = KINDS[kind]
    rng = random.Random(kind)
    path = tmp_path / "rows"
    for size in (300, 5000, 2**22):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        for _ in range(12):
            alone = [line(row(rng)) for _ in range(rng.randrange(1, 12))]
            path.write_bytes(b"\n".join([*([header] if header else []), *alone]) + b"\n")
            expected, before = read_file(path)
            assert before.count == 0, before.examples
            with_bad = list(alone)
            for _ in range(rng.randrange(1, 3)):
                with_bad.insert(rng.randrange(len(with_bad) + 1), rng.choice(bad_lines))
            path.write_bytes(b"\n".join([*([header] if header else []), *with_bad]) + b"\n")
            found, bad = read_file(path)
            assert found == expected, (bad.examples, with_bad)
            assert bad.count == len([text for text in with_bad if text]) - len(alone)


def test_a_list_in_the_first_line_does_not_make_the_file_an_array(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"[1]\n" + json_line(["u", "1", "1", "5", "t", "o"]) + b"\n")
    rows, bad = read(read_json_lines, path)
    assert rows == [("u", 1, 1, 5, "t")] and bad.count == 1


def test_whatever_reads_as_a_number_is_one(tmp_path):
    """One line in a word of its own sends the piece down the careful path: times stay what they were."""
    path = tmp_path / "rows.csv"
    for more in ("", "u,soon,1,5,t,o\n"):
        path.write_text(f"{','.join(NAMES)}\nu,1510102500000,1,5,t,o\nu,20240501,2,5,t,o\n{more}")
        assert [row[1] for row in read(read_delimited, path)[0]] == [1510102500000, 20240501]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": "u", "at": "1510102500000", "n": "1", "stars": 5}) + "\n")
    assert read(read_json_lines, path)[0][0][1] == 1510102500000


@pytest.mark.parametrize("text", [True, False])
def test_whole_numbers_above_two_to_the_53rd_stay_apart(tmp_path, text):
    numbers = [2**53 + n for n in range(5)] + [3, 2**63 - 1]
    path = tmp_path / ("rows.csv" if text else "rows.jsonl")
    if text:
        path.write_text("\n".join([",".join(NAMES), *(f"u,{n},{n},5,t,o" for n in numbers)]))
        rows = read(read_delimited, path)[0]
    else:
        path.write_text("\n".join(json.dumps({"id": "u", "at": n, "n": n, "stars": 5}) for n in numbers))
        rows = read(read_json_lines, path)[0]
    assert [row[2] for row in rows] == numbers and [row[1] for row in rows] == numbers
    path.write_text("\n".join([",".join(NAMES), f"u,1,{2**63},5,t,o", "u,1,1e300,5,t,o", f"u,1,{2**53}.5,5,t,o"]))
    if text:
        rows, bad = read(read_delimited, path)
        assert rows == [] and bad.count == 3 and "should be a whole number below 2^63" in bad.examples[0]
