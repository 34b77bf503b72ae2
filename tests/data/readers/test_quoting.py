"""Where records end, by brute force and in the cases that lose rows elsewhere."""

from __future__ import annotations

import csv
import io
import random

import pytest

from recexplainer.data.readers import files
from recexplainer.data.readers.delimited import read_delimited
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, Dialect, read_chunks
from recexplainer.data.readers.quoting import Quoting
from recexplainer.data.readers.sniffing import found_quoting

FIELDS = [Field("id", "raw_id", "text", True), Field("title", "title", "text")]


def read(path, text, limit=0, **dialect):
    path.write_text(text, newline="")
    bad = BadLines(path, limit, Dialect(**dialect))
    rows = [tuple(row.values()) for table in read_delimited(path, FIELDS, bad) for row in table.to_pylist()]
    return rows, bad


def wild_file(rng, n_rows):
    values = ["a", "two\nlines", 'a "quoted" one', "b, c", "", '"', "x\r\ny", '",\n"', "é"]
    rows = [[rng.choice(values) for _ in range(4)] for _ in range(n_rows)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=rng.choice(["\n", "\r\n"])).writerows(rows)
    return rows, text.getvalue().encode()


def test_records_are_those_of_the_csv_module_and_pieces_join_to_the_file(tmp_path, monkeypatch):
    rng = random.Random(1)
    quoting = Quoting("double", b",", 4, trusts_breaks=True)
    for _ in range(200):
        rows, content = wild_file(rng, rng.randrange(1, 9))
        records = [raw for _, raw in quoting.records(content)]
        assert b"".join(records) == content
        assert [next(csv.reader([raw.decode()], strict=True)) for raw in records] == rows
        (tmp_path / "rows.csv").write_bytes(content)
        monkeypatch.setattr(files, "CHUNK_BYTES", rng.randrange(4, 60))
        pieces = list(read_chunks(tmp_path / "rows.csv", quoting.last_end))
        assert b"".join(piece for _, piece in pieces) == content
        again = [(line + n, raw) for line, piece in pieces for n, raw in quoting.records(piece)]
        assert again == [(1 + n, raw) for n, raw in quoting.records(content)]


def test_marks_that_open_and_do_not_close_cost_their_own_line_alone(tmp_path):
    titles = {f"i{n}": f"Title {n}" for n in range(30)}
    rows = [f"{raw_id},{title}\n" for raw_id, title in titles.items()]
    rows[3], rows[7] = 'i3,"Heroes\n', 'i7,The best"\n'  # proper CSV, of one item called "Heroes … The best"
    rows[10], rows[15] = 'i10,"Open\n', 'i15,"Title, 15"\n'
    rows[20] = '"i20","Title 20"\n'
    found, bad = read(tmp_path / "items.csv", "id,title\n" + "".join(rows), limit=9)
    assert bad.found["quoting"] == "double"
    lost = {"i3", "i10"}
    assert [raw_id for raw_id, _ in found] == [raw_id for raw_id in titles if raw_id not in lost]
    assert dict(found)["i15"] == "Title, 15" and dict(found)["i7"] == 'The best"'
    assert bad.count == 2 and bad.examples[0] == "line 5: a quotation mark is not closed"


def test_a_file_whose_marks_mostly_stand_open_has_no_quoting_and_loses_nothing(tmp_path):
    rows = ['i1,"Heroes', 'i2,7" single', 'i3,The "Quiet" Harbor', 'i4,"Open', "i5,Plain"]
    found, bad = read(tmp_path / "items.csv", "\n".join(["id,title", *rows]))
    assert bad.found["quoting"] == "none" and found == [tuple(row.split(",")) for row in rows]


def test_escaped_marks_are_read_as_marks(tmp_path):
    text = 'id,title\ni1,"The \\"Quiet\\" Harbor"\ni2,"Plain, too"\ni3,"C:\\\\x"\n'
    found, bad = read(tmp_path / "items.csv", text)
    assert bad.found["quoting"] == "backslash" and bad.count == 0
    assert found == [("i1", 'The "Quiet" Harbor'), ("i2", "Plain, too"), ("i3", "C:\\x")]


def test_a_value_of_several_lines_is_trusted_where_the_parameter_says_so(tmp_path):
    text = 'id,title\ni1,"two\nlines, too"\ni2,"x, y"\n'
    assert read(tmp_path / "items.csv", text, quoting="double")[0] == [("i1", "two\nlines, too"), ("i2", "x, y")]
    found, bad = read(tmp_path / "items.csv", text, limit=1)
    assert bad.count == 1 and ("i2", "x, y") in found
    more = "id,title,brand\n" + 'i1,"two\nlines, too",b\n'
    assert read(tmp_path / "items.csv", more)[0] == [("i1", "two\nlines, too")]


@pytest.mark.parametrize(
    ("sample", "style"),
    [
        (b"a,b\n", "double"),
        (b'1,"x"\n2,"y\n', "double"),
        (b'1,"He said ""hi"" twice"\n2,"ends in \\"\n', "double"),
        (b'1,"a \\"b\\" c"\n2,"x"\n', "backslash"),
        (b'1,"x\n2,"y\n3,"z"\n', "none"),
    ],
)
def test_the_quoting_is_what_most_values_do(sample, style):
    assert found_quoting(sample, b",") == style


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiter_and_encoding_are_found_or_given_and_reported(tmp_path, delimiter):
    text = f"id{delimiter}title\ni1{delimiter}Café, au lait\n"
    found, bad = read(tmp_path / "items.csv", text)
    assert found == [("i1", "Café, au lait")] and bad.report()["read_as"]["delimiter"] == delimiter
    for encoding in ("latin-1", "utf-16", "utf-8-sig"):
        (tmp_path / "items.csv").write_text(text, encoding=encoding)
        given = Dialect(delimiter=delimiter, encoding="latin-1" if encoding == "latin-1" else None)
        bad = BadLines(tmp_path / "items.csv", 0, given)
        rows = [row for table in read_delimited(tmp_path / "items.csv", FIELDS, bad) for row in table.to_pylist()]
        assert rows == [{"raw_id": "i1", "title": "Café, au lait"}]


def test_a_mark_that_never_closes_does_not_gather_the_file(tmp_path, monkeypatch):
    """Pieces stay pieces: the rest of a large file is not held back for a mark that might close."""
    monkeypatch.setattr(files, "CHUNK_BYTES", 2**20)
    path = tmp_path / "items.csv"
    row = 'i,"Title, proper"\n'
    path.write_text("id,title\n" + 'i0,"Open\n' + row * 300_000)
    sizes = [len(piece) for _, piece in read_chunks(path, Quoting("double", b",", 2).last_end)]
    assert max(sizes) <= 2**20 + len(row) and sum(sizes) == path.stat().st_size
