"""Reading in pieces, and the two paths through a piece."""

from __future__ import annotations

import csv
import gzip
import io
import random
import threading
import zipfile

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import delimited, files, json_lines
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines, files_named, named_file, read_chunks, the_only_file

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
    name = "fast_table" if kind == "csv" else "_fast_table"
    fast_table = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: used.append(fast_table(*given)) or used[-1])
    assert read(reader, path) == expected
    assert used[0] is not None
    monkeypatch.setattr(module, name, lambda *given: None)
    for size in (16, 100, 2**24):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        assert read(reader, path) == expected


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_members_of_an_archive_are_found_by_their_names(tmp_path):
    write_zip(
        tmp_path / "a.zip", {"a/": "", "a/x.csv": "1\n", "a/README": "", "__MACOSX/a/._x.csv": "", "a/x.csv.bak": ""}
    )
    (tmp_path / "y.csv").write_text("2\n")
    (tmp_path / "y.txt").write_text("")
    found = files_named(tmp_path, ["x.csv", "y.csv", "z.csv"])
    assert sorted(found) == [tmp_path / "a.zip/a/x.csv", tmp_path / "y.csv"]
    assert [piece for path in sorted(found) for piece in read_chunks(path)] == [(1, b"1\n"), (1, b"2\n")]


def test_a_parameter_may_name_a_member(tmp_path):
    write_zip(tmp_path / "a.zip", {"x.csv": "", "deep/er/x.csv": ""})
    assert named_file(tmp_path, "a.zip/deep/er/x.csv", "p") == tmp_path / "a.zip/deep/er/x.csv"
    assert named_file(tmp_path, str(tmp_path / "a.zip/x.csv"), "p") == tmp_path / "a.zip/x.csv"
    for name in ("a.zip/y.csv", "a.zip/deep", "b.zip/x.csv"):
        with pytest.raises(InputError, match=f"{name}: no such file; set p to a file"):
            named_file(tmp_path, name, "p")


def test_two_candidates_are_named_so_that_a_parameter_can_name_one(tmp_path):
    for name in ("a.zip", "b.zip"):
        write_zip(tmp_path / name, {"x/x.csv": ""})
    with pytest.raises(InputError, match=r"more than one row file .*\(a.zip/x/x.csv, b.zip/x/x.csv\); name one in p$"):
        the_only_file(tmp_path, files_named(tmp_path, ["x.csv"]), "row", "x.csv", "p")


def test_what_is_imported_but_not_fetched_is_said(tmp_path):
    (tmp_path / "x.csv.dvc").write_text("")
    with pytest.raises(InputError, match=r"no row file was found \(expected x.csv\); dvc update .*/\*.dvc fetches it$"):
        the_only_file(tmp_path, [tmp_path / "x.csv"], "row", "x.csv", "p")


def test_an_archive_is_read_in_pieces(tmp_path, monkeypatch):
    text = "".join(f"{n}\n" for n in range(1000))
    write_zip(tmp_path / "a.zip", {"a/x.csv": "\ufeff" + text})
    monkeypatch.setattr(files, "CHUNK_BYTES", 64)
    pieces = list(read_chunks(tmp_path / "a.zip/a/x.csv"))
    assert len(pieces) > 20 and b"".join(piece for _, piece in pieces) == text.encode()


@pytest.mark.parametrize("damage", ["truncated", "no archive", "empty"])
def test_a_broken_archive_is_one_clear_line(tmp_path, damage):
    path = write_zip(tmp_path / "a.zip", {"a/x.csv": "1\n" * 1000})
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[:-30], "no archive": b"<html>not here</html>", "empty": b""}[damage])
    with pytest.raises(InputError, match=r"a.zip: broken zip \(File is not a zip file\); fetch the file again"):
        files_named(tmp_path, ["x.csv"])


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_broken_member_is_one_clear_line(tmp_path, compression):
    path = write_zip(tmp_path / "a.zip", {"x.csv": "".join(f"{n * n}\n" for n in range(3000))}, compression)
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a.zip/x.csv: broken zip after line \d+ \(.*\); fetch the file again"):
        list(read_chunks(path / "x.csv"))


def test_an_encrypted_member_is_one_clear_line(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"x.csv": "1\n"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag, in the member's header and in the archive's directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="a.zip/x.csv: cannot be read .*encrypted"):
        list(read_chunks(path / "x.csv"))


def test_every_damage_to_a_gzip_is_one_clear_line(tmp_path):
    rng = random.Random(2)
    whole = gzip.compress("".join(f"{rng.random()}\n" for _ in range(500)).encode())
    path = tmp_path / "rows.csv.gz"
    for start in range(0, len(whole) - 8, 150):  # in the head, the codes, the data, the sum of check
        path.write_bytes(whole[:start] + rng.randbytes(8) + whole[start + 8 :])
        with pytest.raises(InputError, match=r"rows.csv.gz: broken gzip after line \d+ \(.*\); fetch the file again"):
            list(read_chunks(path))


def test_a_gzip_may_have_several_members_and_trailing_zeros(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n") + bytes(512))
    assert list(read_chunks(path)) == [(1, b"1\n2\n")]


def test_a_gzip_that_is_left_in_the_middle_leaves_no_thread_behind(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"1\n" * 2**22))
    monkeypatch.setattr(files, "CHUNK_BYTES", 64)
    n_before = threading.active_count()
    pieces = read_chunks(path)
    next(pieces)
    assert threading.active_count() == n_before + 1, "a thread reads ahead"
    pieces.close()
    assert threading.active_count() == n_before
