from __future__ import annotations

import gzip

import pytest

from recexplainer.data.readers import movielens, open_raw
from recexplainer.data.readers.files import BadLines
from recexplainer.errors import InputError

RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,2,3.5,964981247\n2,10,0.5,964982224\n"
MOVIES = (
    "movieId,title,genres\n"
    '2,"American President, The (1995)",Comedy|Drama|Romance\n'
    "10,Toy Story (1995),Adventure|Animation\n"
    '12,"""Great"" One; or <item> Étoile (2001)",(no genres listed)\n'
)


def test_reads_ratings_and_movies(tmp_path, dataset):
    (tmp_path / "ratings.csv").write_text(RATINGS)
    (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
    raw = open_raw(dataset(format="movielens"))
    interactions = raw.interactions
    assert interactions.user_names[interactions.users].tolist() == ["1", "1", "2"]
    assert interactions.item_names[interactions.items].tolist() == ["10", "2", "10"]
    assert interactions.ratings.tolist() == [4.0, 3.5, 0.5]
    assert interactions.times.tolist() == [964982703, 964981247, 964982224]
    items = raw.read_items({"2", "10", "12"})
    assert items["title"].tolist() == [
        "American President, The (1995)",
        "Toy Story (1995)",
        '"Great" One; or <item> Étoile (2001)',
    ]
    assert items["categories"].tolist() == [["Comedy", "Drama", "Romance"], ["Adventure", "Animation"], []]


def test_gzipped_files_and_windows_line_ends(tmp_path, dataset):
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(RATINGS.replace("\n", "\r\n").encode()))
    (tmp_path / "movies.csv").write_bytes(b"\xef\xbb\xbf" + MOVIES.replace("\n", "\r\n").encode())
    raw = open_raw(dataset(format="movielens"))
    assert raw.interactions.ratings.tolist() == [4.0, 3.5, 0.5]
    assert raw.read_items({"10"})["title"].tolist() == ["Toy Story (1995)"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,10,good,964982703", "line 3: 'rating' is not a number: 'good'"),
        ("1,10,,964982703", "line 3: 'rating' is missing"),
        ("1,10,inf,964982703", "line 3: 'rating' is not a number"),
        ("1,10,4.0", "line 3: 3 values where line 1 names 4 columns"),
        (",10,4.0,964982703", "line 3: 'userId' is missing"),
    ],
)
def test_a_bad_line_is_named_and_a_limit_decides(tmp_path, line, problem):
    lines = RATINGS.splitlines()
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]) + "\n")
    with pytest.raises(InputError, match=problem):
        movielens.read_interactions(path, BadLines(path, 0))
    bad = BadLines(path, 1)
    assert movielens.read_interactions(path, bad).ratings.tolist() == [4.0, 3.5, 0.5]
    assert bad.count == 1


def test_a_quote_that_never_closes_counts_every_line_it_swallows(tmp_path):
    path = tmp_path / "movies.csv"
    rows = "".join(f"{n},Film {n},Drama\n" for n in range(1, 21))
    path.write_text(f'movieId,title,genres\n{rows}21,"Open,Drama\n' + rows)
    with pytest.raises(InputError, match=r"line 22: .*dataset.max_bad_lines allows 10"):
        movielens.read_items(path, {"1"}, BadLines(path, 10))


def test_lines_after_a_quoted_line_break_keep_their_number(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_text('movieId,title,genres\n1,"Two\nlines",Drama\n2,Short\n3,Fine,Drama\n')
    bad = BadLines(path, 1)
    items = movielens.read_items(path, {"1", "3"}, bad)
    assert items["title"].tolist() == ["Two\nlines", "Fine"]
    assert bad.examples == ["line 4: 2 values where line 1 names 3 columns"]


def test_a_line_that_is_not_utf8_is_bad(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_bytes(b"movieId,title,genres\n1,Fine,Drama\n" + b"2,Caf\xe9,Drama\n3,Too,Drama\n")
    bad = BadLines(path, 1)
    assert movielens.read_items(path, {"1", "2", "3"}, bad)["raw_id"].tolist() == ["1", "3"]
    assert bad.examples == ["line 3: not UTF-8"]


def test_missing_files_and_columns_are_named(tmp_path, dataset):
    with pytest.raises(InputError, match=r"no ratings file was found \(expected ratings.csv\)"):
        open_raw(dataset(format="movielens"))
    (tmp_path / "ratings.csv").write_text("userId,movieId,timestamp\n1,2,3\n")
    (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
    with pytest.raises(InputError, match=r"column 'rating' is missing; line 1 names: userId, movieId, timestamp"):
        open_raw(dataset(format="movielens"))
    (tmp_path / "ratings.csv").write_text("")
    with pytest.raises(InputError, match="the file is empty"):
        open_raw(dataset(format="movielens"))
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    with pytest.raises(InputError, match="no interaction in it"):
        open_raw(dataset(format="movielens"))
