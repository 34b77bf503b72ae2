"""Lines of Python literals: read as data and as nothing else."""

from __future__ import annotations

import gzip
import warnings

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import files
from recexplainer.data.readers.fields import Field
from recexplainer.data.readers.files import BadLines
from recexplainer.data.readers.python_lines import read_python_lines

FIELDS = [
    Field("id", "user", "text", True),
    Field("n", "rating", "number"),
    Field("price", "price", "label"),
    Field("tags", "tags", "texts"),
]


def read(path, limit=0):
    bad = BadLines(path, limit)
    return [row for table in read_python_lines(path, FIELDS, bad) for row in table.to_pylist()], bad


def write(path, *lines):
    text = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["rows.json", "rows.json.gz"])
def test_reads_the_literals_of_both_pythons(tmp_path, name):
    path = write(
        tmp_path / name,
        r"{u'id': u'\xc9toile \u661f', u'n': 2, u'price': 4.99, u'tags': [u'a', u'b'], u'other': (1, None, {2})}",
        "",
        """{'id': 'Étoile "星"', 'n': -1.5, 'price': 'Free To Play', 'tags': []}""",
        r"""  {'id': "it's \"so\"", 'n': None, 'price': 20.0}""" + "\r",
        r"{'id': 76561197970982479, 'tags': 'alone'}",
    )
    assert read(path)[0] == [
        {"user": "Étoile 星", "rating": 2.0, "price": "4.99", "tags": ["a", "b"]},
        {"user": 'Étoile "星"', "rating": -1.5, "price": "Free To Play", "tags": []},
        {"user": """it's "so\"""", "rating": None, "price": "20", "tags": None},
        {"user": "76561197970982479", "rating": None, "price": None, "tags": ["alone"]},
    ]


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os').mkdir('made')",
        "{'id': __import__('os').mkdir('made')}",
        "{'id': 'a', 'n': [__import__('os').mkdir('made') for _ in (1,)]}",
        "{'id': f'{__import__(\"os\").mkdir(\"made\")}'}",
        "{'id': (lambda: 1)()}",
        "{**dict(id='a')}",
        "{'id': nan}",
        "__debug__",
    ],
)
def test_what_is_no_literal_is_a_bad_line_and_is_never_executed(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "rows.json", "{'id': 'a'}", line, "{'id': 'b'}")
    rows, bad = read(path, limit=1)
    assert [row["user"] for row in rows] == ["a", "b"]
    assert bad.examples == ["line 2: malformed Python literal (not a literal)"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.json"]


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        "{'id': 'a', 'n': " + "[" * 500 + "]" * 500 + "}",
        "{'id': " + "-" * 50_000 + "1}",
        "{'id': " + "1+" * 20_000 + "1}",
        "not " * 20_000 + "1",
        "a" + ".b" * 50_000,
        "{'id': " * 5000 + "1" + "}" * 5000,
    ],
    ids=lambda line: line[:20],
)
def test_deep_nesting_is_a_bad_line(tmp_path, line):
    rows, bad = read(write(tmp_path / "rows.json", line, "{'id': 'b'}"), limit=1)
    assert [row["user"] for row in rows] == ["b"]
    assert bad.count == 1 and bad.examples[0].startswith("line 1: malformed Python literal (")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{'id': 'a'", "malformed Python literal ('{' was never closed)"),
        ("{'id': 'a'} trailing", "malformed Python literal (invalid syntax)"),
        ('{"id": "a", "n": null}', "malformed Python literal (not a literal)"),
        ("{['id']: 'a'}", "malformed Python literal (not a literal)"),
        ("{'id': 'a\0'}", "malformed Python literal ("),
        ("['id', 'a']", "malformed line (expected one dictionary)"),
        ("'id'", "malformed line (expected one dictionary)"),
        ("{'n': 1}", "'id' is missing"),
        ("{'id': u''}", "'id' is missing"),
        ("{'id': b'a'}", "'id' should be text, found b'a'"),
        ("{'id': ('a', 'b')}", "'id' should be text, found ('a', 'b')"),
        ("{'id': True}", "'id' should be text, found True"),
        (r"{'id': '\ud800'}", "'id' holds a broken character"),
    ],
    ids=lambda text: text[:30],
)
def test_a_bad_line_is_named_and_a_limit_decides(tmp_path, line, problem):
    path = write(tmp_path / "rows.json", "{'id': 'a'}", "", line, "{'id': 'b'}")
    with pytest.raises(InputError) as caught:
        read(path)
    assert f"rows.json: line 3: {problem}" in str(caught.value)
    assert "dataset.max_bad_lines allows 0" in str(caught.value) and "\n" not in str(caught.value)
    rows, bad = read(path, limit=1)
    assert [row["user"] for row in rows] == ["a", "b"]
    assert bad.count == 1


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path):
    path = tmp_path / "rows.json"
    path.write_bytes(b"{'id': 'a'}\n{'id': '\xe9'}\n")
    assert read(path, limit=1)[1].examples == ["line 2: not UTF-8"]


def test_a_backslash_that_begins_no_escape_is_kept_without_a_warning(tmp_path):
    path = write(tmp_path / "rows.json", r"{'id': 'C:\Games\d'}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path)[0][0]["user"] == r"C:\Games\d"


def test_pieces_do_not_change_what_is_read(tmp_path, monkeypatch):
    path = write(tmp_path / "rows.json.gz", *(f"{{u'id': u'u{n}', u'n': {n}}}" for n in range(50)), "broken")
    for size in (7, 100, 2**24):
        monkeypatch.setattr(files, "CHUNK_BYTES", size)
        rows, bad = read(path, limit=1)
        assert [row["rating"] for row in rows] == list(range(50))
        assert bad.examples[0].startswith("line 51: ")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("'n': 'many'", "'n' is not a number: 'many'"),
        ("'n': 1e999", "'n' is not a number: inf"),
        ("'tags': {'x': 1}", "'tags' should be a list of texts, found {'x': 1}"),
        ("'tags': [['x'], ['y']]", "'tags' should be text, found ['x']"),
    ],
)
def test_an_optional_value_that_cannot_be_read_is_dropped_and_counted_and_the_record_stays(tmp_path, value, problem):
    path = write(tmp_path / "rows.json", "{'id': 'a'}", f"{{'id': 'c', {value}}}", "{'id': 'b'}")
    rows, bad = read(path)
    assert [row["user"] for row in rows] == ["a", "c", "b"]
    column = value[1:].partition("'")[0]
    assert bad.count == 0 and bad.report()["dropped_values"] == {column: {"n": 1, "first": f"line 2: {problem}"}}
