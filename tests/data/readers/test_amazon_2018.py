from __future__ import annotations

import gzip
import math
import re

import numpy as np
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import amazon_2018, open_raw
from recexplainer.data.readers.files import BadLines


def test_reads_reviews_and_the_wanted_items(tmp_path, dataset, write_lines, review, meta):
    write_lines(
        tmp_path / "reviews.json.gz",
        [review("U2", "A", 20, 4.0), review("U1", "B", 10), review("U2", "B", 5)],
    )
    write_lines(tmp_path / "meta.json.gz", [meta("A"), meta("C"), meta("B", feature=["Fast", "Small"], price="$5.00")])
    raw = open_raw(dataset())
    interactions = raw.interactions
    assert [str(interactions.user_names[code]) for code in interactions.users] == ["U2", "U1", "U2"]
    assert [str(interactions.item_names[code]) for code in interactions.items] == ["A", "B", "B"]
    assert interactions.ratings.tolist() == [4.0, 5.0, 5.0]
    assert interactions.times.tolist() == [20, 10, 5]
    items = raw.read_items({"A", "B"})
    assert items["raw_id"].tolist() == ["A", "B"]
    assert items["features"].tolist() == [[], ["Fast", "Small"]]
    assert items["price"].tolist() == ["$19.99", "$5.00"]
    assert raw.dialogues == []


@pytest.mark.parametrize(
    ("reviews", "metadata"),
    [
        ("reviews.json.gz", "meta.json.gz"),
        ("reviews.json", "meta.json"),
        ("Video_Games_5.json.gz", "meta_Video_Games.json.gz"),
        ("Video_Games.json.gz", "meta_Video_Games.json.gz"),
        ("Video_Games.json", "meta_Video_Games.json"),
    ],
)
def test_files_are_found_by_their_names(tmp_path, reviews, metadata):
    for name in (reviews, metadata, "dialogues.json", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert amazon_2018.find_files(tmp_path, None, None) == (tmp_path / reviews, tmp_path / metadata)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no metadata file was found"),
        (["meta.json.gz"], "no review file was found"),
        (
            ["meta_A.json.gz", "meta_B.json.gz", "A_5.json.gz"],
            "more than one metadata file .*meta_A.* meta_B",
        ),
        (
            ["meta_A.json.gz", "A.json.gz", "A_5.json.gz"],
            "more than one review file .*dataset.interactions_file",
        ),
        (["meta.json", "reviews.json", "reviews.json.gz"], "more than one review file"),
    ],
)
def test_missing_and_ambiguous_files_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=message):
        amazon_2018.find_files(tmp_path, None, None)


def test_a_parameter_settles_an_ambiguity(tmp_path):
    for name in ("meta_A.json.gz", "A.json.gz", "A_5.json.gz"):
        (tmp_path / name).write_bytes(b"")
    assert amazon_2018.find_files(tmp_path, "A.json.gz", None)[0] == tmp_path / "A.json.gz"
    assert amazon_2018.find_files(tmp_path, str(tmp_path / "A_5.json.gz"), None)[0].name == "A_5.json.gz"
    with pytest.raises(InputError, match="B.json: no such file; set dataset.interactions_file"):
        amazon_2018.find_files(tmp_path, "B.json", None)


def test_a_missing_folder_is_named(dataset, tmp_path):
    with pytest.raises(InputError, match="nowhere.* does not exist; set dataset.raw"):
        open_raw(dataset(raw=str(tmp_path / "nowhere")))


def test_broken_gzip_is_refused(tmp_path, dataset, write_lines, review, meta):
    write_lines(tmp_path / "meta.json.gz", [meta("A")])
    whole = gzip.compress(b"".join(repr(review("U", f"A{n}")).encode() for n in range(200)))
    for content in (whole[: len(whole) // 2], b"no gzip at all\n"):
        (tmp_path / "reviews.json.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"reviews\.json\.gz: broken gzip"):
            open_raw(dataset())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"reviewerID": "U", "asin": ', "line 2: malformed JSON"),
        ("[1, 2]", "line 2: malformed JSON .expected one object per line"),
        ('{"asin": "A", "overall": 5.0, "unixReviewTime": 1}', "line 2: 'reviewerID' is missing"),
        ('{"reviewerID": "U", "asin": "", "overall": 5.0, "unixReviewTime": 1}', "line 2: 'asin' is missing"),
        (
            '{"reviewerID": "U", "asin": "A", "overall": "five", "unixReviewTime": 1}',
            "'overall' is not a number: 'five'",
        ),
        (
            '{"reviewerID": "U", "asin": "A", "overall": NaN, "unixReviewTime": 1}',
            "line 2: 'overall' is missing",
        ),
        (
            '{"reviewerID": "U", "asin": "A", "overall": Infinity, "unixReviewTime": 1}',
            "'overall' is not a number",
        ),
        (
            '{"reviewerID": "U", "asin": "A", "overall": true, "unixReviewTime": 1}',
            "'overall' is not a number",
        ),
        (
            '{"reviewerID": ["U"], "asin": "A", "overall": 5, "unixReviewTime": 1}',
            "'reviewerID' should be text",
        ),
        ('{"reviewerID": "\\ud800", "asin": "A", "overall": 5, "unixReviewTime": 1}', "broken character"),
    ],
)
def test_a_bad_line_is_named_and_a_limit_decides(tmp_path, write_lines, review, line, problem):
    path = write_lines(tmp_path / "reviews.json", [review("U1", "A"), line, "", review("U2", "B")])
    with pytest.raises(InputError, match=problem):
        amazon_2018.read_interactions(path, BadLines(path, limit=0))
    bad = BadLines(path, limit=1)
    kept = amazon_2018.read_interactions(path, bad)
    assert len(kept) == 2
    assert bad.count == 1
    assert re.search(problem, bad.examples[0])


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path, write_lines, review):
    path = write_lines(tmp_path / "reviews.json", [review("U1", "A")])
    path.write_bytes(path.read_bytes() + b'{"reviewerID": "\xff", "asin": "A", "overall": 5, "unixReviewTime": 1}\n')
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        amazon_2018.read_interactions(path, BadLines(path, limit=0))


def test_an_empty_review_file_is_refused(tmp_path, dataset, write_lines, meta):
    write_lines(tmp_path / "meta.json", [meta("A")])
    write_lines(tmp_path / "reviews.json", [])
    with pytest.raises(InputError, match=r"reviews\.json: contains no interactions"):
        open_raw(dataset())


def test_metadata_variants(tmp_path, write_lines, meta):
    """A text in a list's place, a number as price, a missing key, a script as title, "by" before a brand."""
    path = write_lines(
        tmp_path / "meta.json",
        [
            meta("A", description="One text", category=[], price=12.5),
            meta("B", title="var aPageStart = (new Date()).getTime();", brand="by\n    \n    EA"),
            {"asin": "C", "title": "Bare"},
            meta("D", title=None, brand=None, feature=None),
        ],
    )
    items = amazon_2018.read_items(path, {"A", "B", "C", "D"}, BadLines(path, 0)).set_index("raw_id")
    assert items.loc["A", "description"] == ["One text"]
    assert items.loc["A", "price"] == "12.5"
    assert items.loc["B", "title"] == ""
    assert items.loc["B", "brand"] == "EA"
    unknown = {"brand": "", "price": "", "date": "", "categories": [], "features": [], "description": []}
    assert items.loc["C"].to_dict() == {"title": "Bare"} | unknown
    assert items.loc["D", "brand"] == "" and items.loc["D", "features"] == []


def test_pieces_do_not_change_what_is_read(tmp_path, write_lines, review, monkeypatch):
    """Files are read in pieces; where a piece ends must not matter, nor which piece holds a bad line."""
    rows = [review(f"U{n % 7}", f"A{n % 5}", n, 1 + n % 5) for n in range(60)]
    path = write_lines(tmp_path / "reviews.json.gz", [*rows[:40], "{", *rows[40:]])
    reads = []
    for size in (64, 1000, 2**24):
        monkeypatch.setattr("recexplainer.data.readers.files.CHUNK_BYTES", size)
        bad = BadLines(path, 1)
        reads.append(amazon_2018.read_interactions(path, bad))
        assert bad.examples[0].startswith("line 41: ")
    for other in reads[1:]:
        assert other.user_names[other.users].tolist() == reads[0].user_names[reads[0].users].tolist()
        assert np.array_equal(other.times, reads[0].times)
    assert reads[0].times.tolist() == list(range(60))
    assert not math.isnan(reads[0].ratings.sum())
