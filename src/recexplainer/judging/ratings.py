"""Human ratings: sheets that do not tell who wrote a text, and what raters filled in.

A sheet is a CSV table for any spreadsheet program. Its key, a file next to it that raters do not get, says which
source and case each row shows.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Level
from recexplainer.core.records.rating import Rating, SheetKey
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.answers import read_level
from recexplainer.judging.grade import SCORES, level_of_number
from recexplainer.judging.prompts import LEVELS

COLUMNS = ("id", "history", "item", "decision", "text", "level", "comment")
GUIDE = (
    "Each row shows a user's history (oldest first), an item, the recommender's decision on it (Yes: it would "
    "recommend the item; No: it would not) and an explanation by a model, which begins with its verdict.",
    "Enter one of four letters in the column level, and leave the other columns unchanged. Ignore length.",
)
_FILLED = ("id", "text", "level", "comment")  # of a sheet that comes back; the others are for reading
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet program may run when a cell begins with it
_DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r"\A\"?sep=.\"?\n", re.IGNORECASE)  # with which Excel is told the delimiter

Row = dict[str, str]  # of a sheet: column → value


def make_sheet(
    explanations: Mapping[str, Sequence[Explanation]], catalogue: Catalogue, seed: int, n_cases: int | None = None
) -> tuple[list[Row], list[SheetKey]]:
    """A sheet's rows and its key's, both in the same shuffled order.

    Only cases that every source explains are shown, so that all sources are rated on the same ones.

    Args:
        explanations: Those of each source.
        catalogue: Titles.
        seed: Decides which cases are drawn, the order of the rows and their ids.
        n_cases: How many cases; None: all.

    Returns:
        Rows with `COLUMNS`, and whose they are.

    Raises:
        InputError: The sources have no case in common, or fewer than `n_cases`.
    """
    by_case = {source: {row.explanation_id: row for row in rows} for source, rows in explanations.items()}
    cases = [case for case in next(iter(by_case.values()), {}) if all(case in known for known in by_case.values())]
    if not cases:
        raise InputError(f"no case is explained by all of {', '.join(explanations) or 'no source'}")
    if n_cases is not None and not 1 <= n_cases <= len(cases):
        raise InputError(
            f"--n-cases must be 1 to {len(cases)}, the number of cases that all sources explain; not {n_cases}"
        )
    rng = np.random.default_rng(seed)
    drawn = [cases[place] for place in sorted(rng.permutation(len(cases))[:n_cases])]
    chosen = [(source, by_case[source][case]) for case in drawn for source in explanations]
    shuffled = [chosen[place] for place in rng.permutation(len(chosen))]
    sheet = [_sheet_row(_opaque_id(seed, *pair), pair[1], catalogue) for pair in shuffled]
    key = [
        SheetKey(
            id=row["id"],
            source=source,
            explanation_id=record.explanation_id,
            text_sha256=text_hash(record.text),
        )
        for row, (source, record) in zip(sheet, shuffled, strict=True)
    ]
    return sheet, key


def sheet_text(rows: Iterable[Row]) -> str:
    """The rows as CSV, below what the levels mean; a cell that a spreadsheet program would run as a formula begins with
    an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerows([line] for line in (*GUIDE, *LEVELS.splitlines()))
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(row[name]) for name in COLUMNS] for row in rows)
    return file.getvalue()


def read_filled(path: Path, key: Sequence[SheetKey], rater: str) -> tuple[list[Rating], int]:
    """One rater's ratings, out of a sheet that was filled in and saved as CSV by any spreadsheet program.

    Commas, semicolons and tabs are taken as delimiters, UTF-8 and UTF-16 as encodings; blanks and line breaks within a
    text may have changed, its words may not. A level may be a small letter, a letter with its meaning, or the
    score, 0 to 3.

    Args:
        path: The filled sheet. Rows may be missing, in another order, or without a level as yet.
        key: The rows of the sheet's key.
        rater: Whose ratings they are.

    Returns:
        The ratings; and how many rows have no level.

    Raises:
        InputError: The file is not such a sheet or has no level at all; or, all at once: an id is unknown or occurs
            twice, a level is none of A to D, or a text is not the one that was handed out: with the row, counted as a
            spreadsheet counts.
    """
    known = {shown.id: shown for shown in key}
    ratings: dict[str, Rating] = {}
    wrong: list[str] = []
    n_open = 0
    for number, row in _filled_rows(path):
        id_, level = row["id"].strip(), _level(row["level"])
        if not row["level"].strip() and id_ in known:
            n_open += 1
        elif problem := _problem(id_, row, known, ratings):
            wrong.append(f"row {number}: {problem}")
        elif level is None:
            wrong.append(f"row {number}: the level is {row['level'].strip()!r}; enter {_known_levels()}")
        else:
            ratings[id_] = rate(rater, known[id_], level, row["comment"].strip())
    if wrong:
        raise InputError(f"{path}: {'; '.join(wrong)}")
    if not ratings:
        raise InputError(f"{path}: contains no ratings; enter {_known_levels()} in the column level")
    return list(ratings.values()), n_open


def merge(kept: Sequence[Rating], new: Sequence[Rating]) -> list[Rating]:
    """All ratings, a rater's new ones replace the earlier ones."""
    again = {rating.rater for rating in new}
    return [*(rating for rating in kept if rating.rater not in again), *new]


def rate(rater: str, shown: SheetKey, level: Level, comment: str) -> Rating:
    """A person's rating of the text that was shown."""
    return Rating(rater=rater, **vars(shown), level=level, score=SCORES[level], comment=comment)


def text_hash(text: str) -> str:
    """A hash of a text's words, the same before and after a spreadsheet program had it."""
    words = " ".join(text.strip().removeprefix("'").split())
    return hashlib.sha256(words.encode("utf-8", errors="surrogatepass")).hexdigest()


def _sheet_row(id_: str, record: Explanation, catalogue: Catalogue) -> Row:
    history = [f"{place}. {catalogue.title(item)}" for place, item in enumerate(record.history, start=1)]
    return {
        "id": id_,
        "history": "\n".join(history),
        "item": catalogue.title(record.item_id),
        "decision": record.decision,
        "text": record.text,
        "level": "",
        "comment": "",
    }


def _opaque_id(seed: int, source: str, record: Explanation) -> str:
    """Says nothing to a reader, and is not a number or date that a spreadsheet program would reformat."""
    named = "\n".join([str(seed), source, record.explanation_id, record.text])
    return "r" + hashlib.sha256(named.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell


def _problem(id_: str, row: Row, known: Mapping[str, SheetKey], ratings: Mapping[str, Rating]) -> str | None:
    """Why a row does not rate a text that was handed out."""
    if id_ not in known:
        return f"the id {id_!r} is not in the sheet's key"
    if id_ in ratings:
        return f"the id {id_!r} appears twice"
    if text_hash(row["text"]) != known[id_].text_sha256:
        return "the text was edited; rate the text as exported"
    return None


def _level(cell: str) -> Level | None:
    """The level that a cell names.

    >>> [_level(cell) for cell in ("d", "D - satisfying", "3.0", "3,0", "4", "AB")]
    ['D', 'D', 'D', 'D', None, None]
    """
    try:
        return level_of_number(float(cell.strip().replace(",", ".")))
    except ValueError:
        return read_level(cell)


def _filled_rows(path: Path) -> Iterable[tuple[int, Row]]:
    """The rows below the header that are not empty, by their numbers in a spreadsheet, which does not show `sep=`."""
    text = _SEPARATOR_LINE.sub("", store.read_text(path, _encoding(path), "save the sheet as CSV UTF-8"))
    lines = text.split("\n")
    place, delimiter = _header(lines)
    try:
        table = io.StringIO("\n".join(lines[place:]), newline="")
        rows = list(csv.reader(table, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: is not a readable CSV table ({error})") from None
    header = _names(rows[0]) if rows else []
    missing = [name for name in _FILLED if name not in header]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]!r}; keep the sheet's header")
    for number, row in enumerate(rows[1:], start=place + 2):
        if any(cell.strip() for cell in row):
            cells = dict(zip(header, row, strict=False))
            yield number, {name: cells.get(name, "") for name in _FILLED}


def _header(lines: Sequence[str]) -> tuple[int, str]:
    """Where the header is, below the guide, and the delimiter of its names; the first line where it is missing."""
    for place, line in enumerate(lines):
        for delimiter in _DELIMITERS:
            if len(set(_names(line.split(delimiter))) & set(_FILLED)) > 1:
                return place, delimiter
    return 0, _DELIMITERS[0]


def _names(row: Sequence[str]) -> list[str]:
    return [name.strip(' "').lower() for name in row]


def _encoding(path: Path) -> str:
    """UTF-16 where a file's first bytes say so, which Excel calls Unicode text."""
    try:
        with path.open("rb") as file:
            return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    except OSError:
        return "utf-8-sig"  # whose reader says what is wrong


def _known_levels() -> str:
    *first, last = SCORES
    return f"{', '.join(first)} or {last}"
