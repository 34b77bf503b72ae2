from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from recexplainer import cli, store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.rating import Rating, SheetKey
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.prompts import LEVELS
from recexplainer.judging.ratings import COLUMNS, make_sheet, merge, rate, read_filled, sheet_text, text_hash
from tests.faithfulness.fakes import make_record

TEXTS = ("Yes. Fine.", "=HYPERLINK(1)", "+1 for it", "-5", "@SUM(A1)", "  =1", "\t=1", "＝1", '\'tis, "so"\nand so; on')
Rows = list[dict[str, str]]
Explanations = dict[str, list[Explanation]]


@pytest.fixture
def explanations() -> Explanations:
    def rows(source: str) -> list[Explanation]:
        return [
            make_record(explanation_id=f"u{n}-p3-i2", source=source, text=f"{text} ({source})")
            for n, text in enumerate(TEXTS)
        ]

    return {"both": rows("both"), "none": rows("none")}


@pytest.fixture
def project(empty_project: Path, games: Catalogue, explanations: Explanations) -> Path:
    store.write_catalogue(games.frame)
    for source, rows in explanations.items():
        store.write_explanations(source, rows)
    return empty_project


def cells(text: str, delimiter: str = ",") -> Rows:
    table = text[text.index(delimiter.join(COLUMNS)) :]  # below the guide
    return list(csv.DictReader(io.StringIO(table, newline=""), delimiter=delimiter))


def fill(path: Path, rows: Rows, levels: str = "ABCD", delimiter: str = ",", encoding: str = "utf-8-sig") -> None:
    """What a spreadsheet program writes once the levels are in."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(row | {"level": row["level"] or levels[n % len(levels)]} for n, row in enumerate(rows))
    path.write_bytes(file.getvalue().encode(encoding))


def test_a_sheet_hides_the_source_and_the_key_tells_it(games: Catalogue, explanations: Explanations) -> None:
    plain = {
        source: [replace(row, text=f"Yes. {n}") for n, row in enumerate(rows)] for source, rows in explanations.items()
    }
    sheet, key = make_sheet(plain, games, seed=1)
    text = sheet_text(sheet)
    assert not any(word in text for word in (",both", ",none", "(both)", "(none)", "p3-i2"))
    assert [row["id"] for row in sheet] == [shown.id for shown in key]
    assert len({shown.id for shown in key}) == 2 * len(TEXTS)
    assert sorted((shown.source, shown.explanation_id) for shown in key) == sorted(
        (source, row.explanation_id) for source, rows in plain.items() for row in rows
    )
    first = sheet[0]
    assert first["history"] == '1. Ember Crown\n2. Iron Drift - Nova 64\n3. The "Quiet" Harbor'
    assert (first["item"], first["decision"]) == ("Ember Crown II - Nova 64", "Yes")
    assert (first["level"], first["comment"]) == ("", "")


def test_the_seed_decides_the_order(games: Catalogue, explanations: Explanations) -> None:
    keys = [make_sheet(explanations, games, seed)[1] for seed in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]
    order = [(shown.source, shown.explanation_id) for shown in keys[0]]
    assert order != sorted(order) and [source for source, _ in order[: len(TEXTS)]] != ["both"] * len(TEXTS)


def test_some_cases_are_drawn_for_all_sources(games: Catalogue, explanations: Explanations) -> None:
    explanations["none"] = explanations["none"][2:]
    _, key = make_sheet(explanations, games, 1, n_cases=3)
    cases = [{shown.explanation_id for shown in key if shown.source == source} for source in explanations]
    assert cases[0] == cases[1] and len(cases[0]) == 3
    assert cases[0] <= {row.explanation_id for row in explanations["none"]}


@pytest.mark.parametrize("n_cases", [0, -1, 10])
def test_cases_that_are_not_there(games: Catalogue, explanations: Explanations, n_cases: int) -> None:
    with pytest.raises(InputError, match="--n-cases must be 1 to 9"):
        make_sheet(explanations, games, 1, n_cases)
    with pytest.raises(InputError, match="no case is explained by all of both, none"):
        make_sheet({"both": explanations["both"], "none": []}, games, 1)


def test_no_cell_is_a_formula(games: Catalogue, explanations: Explanations) -> None:
    sheet, _ = make_sheet(explanations, games, seed=1)
    sheet[0] |= {"history": "=1+1", "item": "@x", "decision": "-Yes"}
    for row in cells(sheet_text(sheet)):
        for cell in row.values():
            assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))
    assert sum(cell.startswith("'") for row in cells(sheet_text(sheet)) for cell in row.values()) == 14 + 2 + 3


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "utf-8"), ("\t", "utf-8")])
def test_what_comes_back_is_read(
    games: Catalogue, explanations: Explanations, tmp_path: Path, delimiter: str, encoding: str
) -> None:
    sheet, key = make_sheet(explanations, games, seed=1)
    handed_out = cells(sheet_text(sheet))
    handed_out[0] |= {"level": " d ", "comment": ' good; "very" '}
    handed_out[1]["text"] = handed_out[1]["text"].replace(" ", "\r\n") + " "  # what programs do to blanks
    fill(tmp_path / "anna.csv", handed_out[::-1], "A", delimiter, encoding)
    found, n_open = read_filled(tmp_path / "anna.csv", key, "anna")
    assert (len(found), n_open) == (len(sheet), 0)
    of_first = found[-1]
    assert of_first == Rating(**vars(key[0]), rater="anna", level="D", score=3, comment='good; "very"')


def test_a_sheet_may_come_back_in_part(games: Catalogue, explanations: Explanations, tmp_path: Path) -> None:
    sheet, key = make_sheet(explanations, games, seed=1)
    fill(tmp_path / "anna.csv", cells(sheet_text(sheet))[:3])
    with (tmp_path / "anna.csv").open("a") as file:
        file.write(",,,,,,\r\n\r\n")
    assert [of.level for of in read_filled(tmp_path / "anna.csv", key, "anna")[0]] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "r000"}, "row 4: the id 'r000' is not in the sheet's key"),
        ({"level": "E"}, "row 4: the level is 'E'; enter A, B, C or D"),
        ({"level": "AB"}, "row 4: the level is 'AB'"),
        ({"level": "4"}, "row 4: the level is '4'"),
        ({"text": "Yes. Better so."}, "row 4: the text was edited"),
    ],
)
def test_rows_that_cannot_be_used(
    games: Catalogue, explanations: Explanations, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    sheet, key = make_sheet(explanations, games, seed=1)
    rows = [row | {"level": "A"} for row in cells(sheet_text(sheet))]
    rows[2] |= changes
    fill(tmp_path / "anna.csv", rows)
    with pytest.raises(InputError, match=f"anna.csv: {message}"):
        read_filled(tmp_path / "anna.csv", key, "anna")


def test_the_levels_are_explained_in_the_sheet(games: Catalogue, explanations: Explanations) -> None:
    sheet, _ = make_sheet(explanations, games, seed=1)
    rows = list(csv.reader(io.StringIO(sheet_text(sheet), newline="")))
    place = rows.index(list(COLUMNS))
    above = "\n".join(row[0] for row in rows[:place])
    assert LEVELS in above and "Yes: it would recommend the item" in above
    assert len(rows) == place + 1 + len(sheet)


@pytest.mark.parametrize(
    ("before", "encoding"),
    [("sep={}\n", "utf-8"), ('"sep={}"\n', "utf-8-sig"), ("", "utf-16"), ("sep={}\r\n", "utf-16")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("guide", [True, False])
def test_what_excel_makes_of_a_sheet(
    games: Catalogue, explanations: Explanations, tmp_path: Path, before: str, encoding: str, delimiter: str,
    guide: bool,
) -> None:  # fmt: skip
    sheet, key = make_sheet(explanations, games, seed=1)
    path = tmp_path / "anna.csv"

    def save(levels: list[str]) -> int:
        rows = list(csv.reader(io.StringIO(sheet_text(sheet), newline="")))
        place = rows.index(list(COLUMNS))
        for row, level in zip(rows[place + 1 :], levels + ["1,0"] * len(rows), strict=False):
            row[COLUMNS.index("level")] = level
        file = io.StringIO()
        csv.writer(file, delimiter=delimiter, lineterminator="\r\n").writerows(rows[0 if guide else place :])
        path.write_bytes((before.format(delimiter) + file.getvalue()).encode(encoding))
        return place + 1 if guide else 1

    n_above = save(["3.0", "c", "", "E"])
    with pytest.raises(InputError, match=rf"row {n_above + 4}: the level is 'E'"):  # as Excel counts, without `sep=`
        read_filled(path, key, "anna")
    save(["3.0", "c", "", "D", "B - right, but false", "0"])
    found, n_open = read_filled(path, key, "anna")
    assert [of.level for of in found][:5] == ["D", "C", "D", "B", "A"]
    assert {of.level for of in found[5:]} == {"B"}
    assert (len(found), n_open) == (len(sheet) - 1, 1)


def test_a_half_filled_sheet_is_read(games: Catalogue, explanations: Explanations, tmp_path: Path) -> None:
    sheet, key = make_sheet(explanations, games, seed=1)
    (tmp_path / "anna.csv").write_text(sheet_text([sheet[0] | {"level": "A"}, *sheet[1:]]), newline="")
    found, n_open = read_filled(tmp_path / "anna.csv", key, "anna")
    assert ([of.id for of in found], n_open) == ([sheet[0]["id"]], len(sheet) - 1)
    (tmp_path / "anna.csv").write_text(sheet_text(sheet), newline="")
    with pytest.raises(InputError, match="contains no ratings"):
        read_filled(tmp_path / "anna.csv", key, "anna")


def test_all_errors_of_a_sheet_are_said_at_once(games: Catalogue, explanations: Explanations, tmp_path: Path) -> None:
    sheet, key = make_sheet(explanations, games, seed=1)
    rows = [row | {"level": "A"} for row in cells(sheet_text(sheet))]
    rows[0] |= {"level": "E"}
    rows[3] |= {"text": "Better so."}
    rows[5] |= {"id": "r000"}
    fill(tmp_path / "anna.csv", rows)
    with pytest.raises(InputError, match=r"row 2: the level is 'E'.*; row 5: the text was edited.*; row 7: the id 'r0"):
        read_filled(tmp_path / "anna.csv", key, "anna")


def test_rows_that_stand_twice(games: Catalogue, explanations: Explanations, tmp_path: Path) -> None:
    sheet, key = make_sheet(explanations, games, seed=1)
    rows = cells(sheet_text(sheet))
    fill(tmp_path / "anna.csv", [*rows[:3], rows[1]])
    with pytest.raises(InputError, match=rf"row 5: the id '{rows[1]['id']}' appears twice"):
        read_filled(tmp_path / "anna.csv", key, "anna")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column 'id'"),
        (b"id,text,comment\n", "has no column 'level'"),
        (b"id,text,level,comment\n", "contains no ratings"),
        (b'id,text,level,comment\nr1,"open', "is not a readable CSV table"),
        (b"id,text,level,comment\nr1,\xe9,A,\n", "is not UTF-8 at byte 25; save it as UTF-8"),
    ],
)
def test_files_that_are_no_sheet(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "anna.csv").write_bytes(content)
    with pytest.raises(InputError, match=f"anna.csv: {message}"):
        read_filled(tmp_path / "anna.csv", [], "anna")
    with pytest.raises(InputError, match="none.csv: no such file; save the sheet as CSV"):
        read_filled(tmp_path / "none.csv", [], "anna")


def test_hashes_see_words_and_no_blanks() -> None:
    assert text_hash("a  b\n") == text_hash(" a\r\nb") == text_hash("'a b") != text_hash("a c")


def test_who_comes_again_is_replaced() -> None:
    shown = [SheetKey(id=f"r{n}", source="both", explanation_id=f"u{n}", text_sha256="x") for n in range(2)]
    kept = [rate("anna", shown[0], "A", ""), rate("ben", shown[0], "B", "")]
    new = [rate("anna", shown[1], "C", "")]
    assert merge(kept, new) == [kept[1], *new]


def test_the_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["ratings", "export", "--n-cases", "4"]) == 0
    assert "ratings/sheet.csv: 8 texts of both, none" in capsys.readouterr().out
    raw = store.SHEET.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = cells(raw.decode("utf-8-sig"))
    for rater, levels in (("anna", "AB"), ("ben", "CD")):
        fill(project / f"{rater}.csv", rows, levels)
    assert cli.run(["ratings", "import", "anna.csv", "ben.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ratings/ratings.jsonl: 8 ratings of anna",
        "ratings/ratings.jsonl: 8 ratings of ben",
    ]
    assert len(store.read_ratings()) == 16
    fill(project / "anna.csv", rows[:5], "D")
    assert cli.run(["ratings", "import", "anna.csv"]) == 0
    assert [of.rater for of in store.read_ratings()] == ["ben"] * 8 + ["anna"] * 5


def test_the_command_ends_with_one_line_and_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: str) -> str:
        capsys.readouterr()
        assert cli.run(["ratings", *arguments]) == 2
        written = capsys.readouterr().err
        assert written.startswith("error: ") and written.count("\n") == 1
        return written

    assert "sheet.key.jsonl: no such file" in refused("import", "anna.csv")
    assert cli.run(["ratings", "export"]) == 0
    before = store.SHEET.read_bytes()
    assert "ratings/sheet.csv: already exists" in refused("export", "-S", "run.seed=8")
    assert store.SHEET.read_bytes() == before
    rows = cells(before.decode("utf-8-sig"))
    fill(project / "anna.csv", rows)
    fill(project / "ben.csv", [rows[0] | {"level": "X"}])
    assert "ben.csv: row 2" in refused("import", "anna.csv", "ben.csv")
    assert not store.RATINGS.exists()
    (project / "sub").mkdir()
    fill(project / "sub" / "anna.csv", rows)
    assert "two sheets are named 'anna'" in refused("import", "anna.csv", "sub/anna.csv")
    store.explanations("both").unlink(), store.explanations("none").unlink()
    assert "run dvc repro explain" in refused("export", "--sheet", "other.csv")
    assert "explanations_both.jsonl: no such file" in refused("export", "--sheet", "o.csv", "--source", "both")


def test_fields_of_another_version_are_not_lost_on_an_import(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["ratings", "export"]) == 0
    fill(project / "anna.csv", cells(store.SHEET.read_bytes().decode("utf-8-sig")))
    rating = Rating(
        rater="ben", id="r0", source="both", explanation_id="u0", level="D", score=3, comment="", text_sha256="x"
    )
    store.write_jsonl(store.RATINGS, [store.to_row(rating) | {"seconds": 7}])
    before = store.RATINGS.read_bytes()
    assert cli.run(["ratings", "import", "anna.csv"]) == 2
    assert "ratings.jsonl: line 1: has an unknown field 'seconds'; move it away" in capsys.readouterr().err
    assert store.RATINGS.read_bytes() == before
    assert store.read_ratings() == [rating]  # agreement needs no more


def test_a_rating_that_is_not_one_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.write_jsonl(store.RATINGS, [{"rater": "ben", "level": "E"}])
    assert cli.run(["ratings", "agree"]) == 2
    assert "ratings.jsonl: line 1: has no 'id'; move it away" in capsys.readouterr().err
