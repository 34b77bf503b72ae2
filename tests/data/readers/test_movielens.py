from __future__ import annotations

import gzip
import zipfile

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers import movielens, open_raw
from recexplainer.data.readers.files import BadLines

RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,2,3.5,964981247\n2,10,0.5,964982224\n"
MOVIES = (
    "movieId,title,genres\n"
    '2,"American President, The (1995)",Comedy|Drama|Romance\n'
    "10,Toy Story (1995),Adventure|Animation\n"
    '12,"""Great"" One; or <item> Étoile (2001)",(no genres listed)\n'
)
DAT_RATINGS = "1::10::4::978300760\n1::2::3::978302109\n2::10::5::978301968\n"
DAT_MOVIES = (
    "2::Été, L' (The Summer) (1995)::Comedy|Children's\n"
    '10::"Loud" One, The (1996)::Drama\n'
    "12::Señor: el viaje; or 100% <item> (2000)::Film-Noir|Sci-Fi\n"
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
        ("1,10,4.0", "line 3: 3 values, but line 1 names 4 columns"),
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


def test_a_quote_that_never_closes_swallows_no_other_line(tmp_path):
    path = tmp_path / "movies.csv"
    rows = ["".join(f'{n},"Film, {n}",Drama\n' for n in numbers) for numbers in (range(1, 21), range(22, 42))]
    path.write_text(f'movieId,title,genres\n{rows[0]}21,"Open,Drama\n{rows[1]}')
    bad = BadLines(path, 1)
    items = movielens.read_items(path, {str(n) for n in range(1, 42)}, bad)
    assert items["raw_id"].tolist() == [str(n) for n in range(1, 42) if n != 21]
    assert bad.examples == ["line 22: a quotation mark is not closed"]


def test_lines_after_a_quoted_line_break_keep_their_number(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_text('movieId,title,genres\n1,"Two\nlines",Drama\n2,Short\n3,Fine,Drama\n')
    bad = BadLines(path, 1)
    items = movielens.read_items(path, {"1", "3"}, bad)
    assert items["title"].tolist() == ["Two\nlines", "Fine"]
    assert bad.examples == ["line 4: 2 values, but line 1 names 3 columns"]


def test_a_line_that_is_not_utf8_is_bad(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_bytes(b"movieId,title,genres\n1,Fine,Drama\n" + b"2,Caf\xe9,Drama\n3,Too,Drama\n")
    bad = BadLines(path, 1)
    assert movielens.read_items(path, {"1", "2", "3"}, bad)["raw_id"].tolist() == ["1", "3"]
    assert bad.examples == ["line 3: not UTF-8"]


def test_missing_files_and_columns_are_named(tmp_path, dataset):
    with pytest.raises(InputError, match=r"no ratings file was found \(expected ratings.csv, ratings.dat or u.data, "):
        open_raw(dataset(format="movielens"))
    (tmp_path / "ratings.csv").write_text("userId,movieId,timestamp\n1,2,3\n")
    (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
    with pytest.raises(InputError, match=r"column 'rating' is missing; line 1 names: userId, movieId, timestamp"):
        open_raw(dataset(format="movielens"))
    (tmp_path / "ratings.csv").write_text("")
    with pytest.raises(InputError, match="the file is empty"):
        open_raw(dataset(format="movielens"))
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    with pytest.raises(InputError, match="contains no interactions"):
        open_raw(dataset(format="movielens"))


def assert_is_the_dat_data_set(raw, ratings):
    interactions = raw.interactions
    assert interactions.user_names[interactions.users].tolist() == ["1", "1", "2"]
    assert interactions.item_names[interactions.items].tolist() == ["10", "2", "10"]
    assert interactions.ratings.tolist() == ratings
    assert interactions.times.tolist() == [978300760, 978302109, 978301968]
    items = raw.read_items({"2", "10", "12"})
    assert items["title"].tolist() == [
        "Été, L' (The Summer) (1995)",
        '"Loud" One, The (1996)',
        "Señor: el viaje; or 100% <item> (2000)",
    ]
    assert items["categories"].tolist() == [["Comedy", "Children's"], ["Drama"], ["Film-Noir", "Sci-Fi"]]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_1m_in_latin_1(tmp_path, dataset, line_end, suffix):
    for name, text in (("ratings.dat", DAT_RATINGS), ("movies.dat", DAT_MOVIES)):
        content = text.replace("\n", line_end).encode("latin-1")
        (tmp_path / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n")
    assert_is_the_dat_data_set(open_raw(dataset(format="movielens")), [4, 3, 5])


def test_reads_10m_in_utf_8_with_half_stars(tmp_path, dataset):
    (tmp_path / "ratings.dat").write_text(DAT_RATINGS.replace("::4::", "::4.5::").replace("::3::", "::0.5::"))
    (tmp_path / "movies.dat").write_bytes(DAT_MOVIES.encode() + "13::星の庭 (2001)::(no genres listed)\n".encode())
    (tmp_path / "tags.dat").write_text("1::10::loud::978300760\n")
    raw = open_raw(dataset(format="movielens"))
    assert_is_the_dat_data_set(raw, [4.5, 0.5, 5])
    items = raw.read_items({"13"})
    assert items["title"].tolist() == ["星の庭 (2001)"] and items["categories"].tolist() == [[]]


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("ratings.dat", "1::10::4", "3 values, but 4 were expected (userId::movieId::rating::timestamp)"),
        ("ratings.dat", "1::10::good::978300760", "'rating' is not a number: 'good'"),
        ("ratings.dat", "1::::4::978300760", "'movieId' is missing"),
        ("movies.dat", "7::Two::Colons (1990)::Drama", "4 values, but 3 were expected (movieId::title::genres)"),
    ],
)
def test_a_bad_line_between_colons_is_named(tmp_path, name, line, problem):
    path = tmp_path / name
    content = DAT_RATINGS if name == "ratings.dat" else DAT_MOVIES
    path.write_bytes(content.encode("latin-1") + f"{line}\n".encode())
    bad = BadLines(path, 1)
    if name == "ratings.dat":
        assert len(movielens.read_interactions(path, bad)) == 3
    else:
        assert len(movielens.read_items(path, {"2", "10", "12", "7"}, bad)) == 3
    assert bad.examples == [f"line 4: {problem}"]


def publish(path, members):
    """An archive as MovieLens is published: one folder, and other files beside the two."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{path.stem}/", "")
        for name, content in members.items():
            archive.writestr(f"{path.stem}/{name}", content)
    return path


def publish_1m(folder):
    files = {
        "movies.dat": DAT_MOVIES.encode("latin-1"),
        "ratings.dat": DAT_RATINGS.encode("latin-1"),
        "README": b"SUMMARY\n",
        "users.dat": b"1::F::1::10::48067\n",
    }
    return publish(folder / "ml-1m.zip", files)


def publish_latest_small(folder):
    files = {
        "links.csv": "movieId,imdbId,tmdbId\n2,0112346,9087\n",
        "tags.csv": "userId,movieId,tag,timestamp\n1,10,toys,1445714994\n",
        "ratings.csv": RATINGS,
        "README.txt": "Summary\n",
        "movies.csv": MOVIES,
    }
    return publish(folder / "ml-latest-small.zip", files)


def test_reads_1m_from_the_published_archive(tmp_path, dataset):
    publish_1m(tmp_path)
    raw = open_raw(dataset(format="movielens"))
    assert raw.report["interactions_file"] == {"file": "ratings.dat", "bad_lines": 0, "examples": []}
    assert_is_the_dat_data_set(raw, [4, 3, 5])


def test_reads_latest_small_from_the_published_archive(tmp_path, dataset):
    publish_latest_small(tmp_path)
    raw = open_raw(dataset(format="movielens"))
    assert raw.interactions.ratings.tolist() == [4.0, 3.5, 0.5]
    assert raw.read_items({"12"})["title"].tolist() == ['"Great" One; or <item> Étoile (2001)']


def test_a_broken_archive_is_one_clear_line(tmp_path, dataset):
    path = publish_1m(tmp_path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>moved</html>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"ml-1m.zip: broken zip \(.*\); fetch the file again$"):
            open_raw(dataset(format="movielens"))


def test_an_archive_without_the_files_is_one_clear_line(tmp_path, dataset):
    publish(tmp_path / "ml-1b.zip", {"trainx16x32_0.npz": "", "README": ""})
    with pytest.raises(InputError, match=r"no ratings file was found .*, also in the published zip\)"):
        open_raw(dataset(format="movielens"))


def test_two_candidates_are_refused_until_one_is_named(tmp_path, dataset):
    publish_1m(tmp_path)
    publish_latest_small(tmp_path)
    names = "ml-1m.zip/ml-1m/ratings.dat, ml-latest-small.zip/ml-latest-small/ratings.csv"
    with pytest.raises(
        InputError, match=rf"more than one ratings file was found \({names}\); name one in dataset.inter"
    ):
        open_raw(dataset(format="movielens"))
    named = {"interactions_file": "ml-1m.zip/ml-1m/ratings.dat", "items_file": "ml-1m.zip/ml-1m/movies.dat"}
    assert_is_the_dat_data_set(open_raw(dataset(format="movielens", **named)), [4, 3, 5])
    with pytest.raises(InputError, match=r"ml-1m.zip/ml-1m/rating.dat: no such file; set dataset.interactions_file"):
        open_raw(dataset(format="movielens", interactions_file="ml-1m.zip/ml-1m/rating.dat"))


def test_an_unpacked_file_beside_its_archive_is_a_second_candidate(tmp_path, dataset):
    publish_latest_small(tmp_path)
    (tmp_path / "ratings.csv").write_text(RATINGS)
    with pytest.raises(InputError, match=r"\(ml-latest-small.zip/ml-latest-small/ratings.csv, ratings.csv\)"):
        open_raw(dataset(format="movielens"))


def test_the_oldest_set_is_read(tmp_path, dataset):
    flags = {8: "0|0|0|0|0|0|0|0|1|0|0|0|0|0|0|0|0|1|0", 9: "1" + "|0" * 18}
    movies = [
        f'8|Café, the "Film" (1995)|01-Jan-1995||http://x|{flags[8]}',
        f"9|unknown||||{flags[9]}",
    ]
    (tmp_path / "u.item").write_bytes("\n".join(movies).encode("latin-1"))
    (tmp_path / "u.data").write_text("196\t8\t3\t881250949\n186\t9\t4\t891717742\n")
    raw = open_raw(dataset(format="movielens"))
    interactions = raw.interactions
    assert interactions.user_names[interactions.users].tolist() == ["196", "186"]
    assert (interactions.times.tolist(), interactions.ratings.tolist()) == ([881250949, 891717742], [3, 4])
    items = raw.read_items({"8", "9"})
    assert items["title"].tolist() == ['Café, the "Film" (1995)', "unknown"]
    assert items["categories"].tolist() == [["Drama", "War"], []]
