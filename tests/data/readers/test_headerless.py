"""Values between two colons: no header, no quotes, and Latin-1 where the text is no UTF-8."""

from __future__ import annotations

import gzip

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import files, headerless
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines
from recexplainer.data.readers.headerless import read_headerless

COLUMNS = ["id", "title", "n"]
FIELDS = [Field("id", "user", "text", True), Field("n", "rating", "number", True), Field("title", "title", "text")]
TITLES = [
    'a "quoted" one',
    '"',
    "comma, and; more",
    "Étoile",
    "It's: one colon",
    "back\\slash\\",
    "tab\there",
]


def read(path, limit=0):
    bad = BadLines(path, limit)
    rows = [row for table in read_headerless(path, COLUMNS, FIELDS, bad) for row in table.to_pylist()]
    return [(row["user"], row["title"], row["rating"]) for row in rows], bad


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_fast_and_the_careful_path_read_the_same(tmp_path, monkeypatch, encoding, line_end, suffix):
    expected = [(f"u{n}", TITLES[n % len(TITLES)], n / 2) for n in range(50)]
    content = "".join(f"{user}::{title}::{n}{line_end}" for user, title, n in expected).encode(encoding)
    path = tmp_path / f"rows.dat{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    used = []
    fast_table = headerless.fast_table
    record = lambda *given, **named: used.append(fast_table(*given, **named)) or used[-1]  # noqa: E731
    monkeypatch.setattr(headerless, "fast_table", record)
    assert read(path)[0] == expected
    assert used[0] is not None
    monkeypatch.setattr(headerless, "fast_table", lambda *given, **named: None)
    for size in (16, 100, 2**24):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        assert read(path)[0] == expected


def test_a_line_that_is_no_utf8_does_not_spoil_the_others(tmp_path):
    path = tmp_path / "rows.dat"
    path.write_bytes("1::Étoile::1\n".encode() + "2::Étoile::2\n".encode("latin-1") + "3::星::3\n".encode())
    assert [title for _, title, _ in read(path)[0]] == ["Étoile", "Étoile", "星"]


def test_the_character_that_stands_in_for_the_separator_may_occur(tmp_path):
    path = tmp_path / "rows.dat"
    path.write_text("1::one\x1ftitle::1\n2::two::2\n")
    assert read(path)[0] == [("1", "one\x1ftitle", 1.0), ("2", "two", 2.0)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2::Short", "2 values, but 3 were expected (id::title::n)"),
        ("2::A::B::2", "4 values, but 3 were expected (id::title::n)"),
        ("2,A,2", "1 values, but 3 were expected (id::title::n)"),
        ("2::A::many", "'n' is not a number: 'many'"),
        ("2::A::", "'n' is missing"),
        ("::A::2", "'id' is missing"),
    ],
)
def test_a_bad_line_is_named_and_a_limit_decides(tmp_path, line, problem):
    path = tmp_path / "rows.dat"
    path.write_text(f"1::A::1\n\n{line}\n4::D::4")
    with pytest.raises(InputError) as caught:
        read(path)
    assert f"rows.dat: line 3: {problem}" in str(caught.value) and "\n" not in str(caught.value)
    rows, bad = read(path, limit=1)
    assert rows == [("1", "A", 1.0), ("4", "D", 4.0)]
    assert bad.examples == [f"line 3: {problem}"]
