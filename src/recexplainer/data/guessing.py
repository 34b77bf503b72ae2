"""Which column of a stranger's table is what: guessed by names, and by values where names say nothing."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.data.readers.sniffing import DELIMITERS

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".jsonl.gz", ".parquet")
SAMPLE_ROWS = 20_000
_NAMES = {
    "user": r"user|customer|reviewer|member|client|account|visitor|reader|viewer|listener|person|^uid$",
    "item": r"item|product|movie|film|book|song|track|album|game|article|asin|isbn|sku|show|recipe",
    "time": r"time|date|when|(^|_)day$|_at$|_on$",
    "order": r"(^|_)(position|order|seq|sequence)(_?(no|nr|num|number|index))?$",
    "rating": r"rating|stars?$|score|overall|grade|vote",
    "title": r"title|(^|_)name$|Name$|heading",
    "brand": r"brand|author|artist|maker|studio|director|publisher|manufacturer|writer|designer|developer",
    "categories": r"categor|genre|tags?$|kind|shelf$|type$|style$|department|topic|subject|section|theme|cuisine"
    r"|mechan",
    "description": r"descri|summary|plot|synopsis|blurb|abstract",
}  # fmt: skip
_ENDS = re.compile(r"return|(^|_)(due|end|until)|expir|updat|modif|birth", re.IGNORECASE)  # of times: no beginnings
_DATE = r"(\d{4}([./-])\d{1,2}\2\d{1,2}|\d{1,2}([./-])\d{1,2}\3\d{2,4})($|[ T])"
_LIST_SIGNS = re.compile(r"\s*[;|]\s*")  # between an item's categories, where nothing says what a column is
Check = Callable[[pd.Series], bool]
Best = Callable[[list[str]], str]  # of the columns that fit


@dataclass(frozen=True)
class Guess:
    """The columns' names; None where no column looks like it."""

    user: str | None = None
    item: str | None = None
    time: str | None = None
    order: str | None = None
    rating: str | None = None
    item_key: str | None = None
    title: str | None = None
    brand: str | None = None
    categories: str | None = None
    description: str | None = None


def read_sample(path: Path, n_rows: int | None = SAMPLE_ROWS, columns: list[str] | None = None) -> pd.DataFrame:
    """The first rows of a table (None: all), every value as text; empty values are missing.

    Raises:
        InputError: The file is missing, of another kind, empty, or cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a table ({', '.join(SUFFIXES)})")
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{path}: unknown kind of table; expected {', '.join(SUFFIXES)}")
    try:
        frame = _read(path, n_rows, columns)
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: cannot be read as a table: is not UTF-8; convert it, as with iconv -f LATIN1 -t UTF-8"
        ) from None
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as a table: {str(error).splitlines()[0]}") from None
    if frame.empty:
        raise InputError(f"{path}: has no rows below the header line")
    return frame


def _read(path: Path, n_rows: int | None, columns: list[str] | None) -> pd.DataFrame:
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path, columns=columns)
        return frame if n_rows is None else frame.head(n_rows)
    if ".jsonl" in path.suffixes:
        frame = pd.read_json(path, lines=True, nrows=n_rows, dtype=False, convert_dates=False)
        return frame if columns is None else frame[columns]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        delimiter = delimiter_of(file.readline())
    chosen = None if columns is None else lambda name: name.strip() in columns
    return pd.read_csv(
        path, sep=delimiter, nrows=n_rows, usecols=chosen, dtype=str, on_bad_lines="skip", encoding="utf-8-sig"
    ).rename(columns=str.strip)


def delimiter_of(header: str) -> str:
    """The most frequent delimiter between names of columns.

    >>> delimiter_of("reader;volume;borrowed on")
    ';'
    """
    return max(DELIMITERS, key=header.count)


def guess_columns(
    rows: pd.DataFrame, items: pd.DataFrame | None = None, given: Mapping[str, str | None] | None = None
) -> Guess:
    """Guess the columns of a table of interactions and of one of items; None: the first holds the titles, too.

    Columns of users, items and titles that are `given` steer the guesses of the others.
    """
    given = {what: name for what, name in (given or {}).items() if name in rows and what in ("user", "item", "title")}
    taken: dict[str, str] = {what: name for what, name in given.items() if name is not None}

    def find(what: str, frame: pd.DataFrame, fits: Check = lambda _: True, best: Best = lambda names: names[0]) -> None:
        if what in taken:
            return
        free = [name for name in frame.columns if name not in taken.values()]
        by_name = [name for name in free if re.search(_NAMES[what], name, re.IGNORECASE) and fits(frame[name])]
        if by_name:
            taken[what] = best(by_name)

    find("time", rows, is_time, _begins)
    find("order", rows, is_number)  # early, so that it is not taken for users or items
    find("rating", rows, is_rating)
    find("user", rows, repeats, partial(_finest, rows))
    find("user", rows, lambda column: not is_date(column))  # a sample of a large table may show most users once
    texts = rows if items is None else items
    others = [name for name in rows.columns if name not in taken.values()]
    named = [name for name in others if "user" in taken and same_things(rows, taken["user"], name)]
    find("title", texts.drop(columns=[*taken.values(), *named], errors="ignore"), is_text)  # users have names, too
    find("item", rows, repeats)
    find("item", rows)
    if items is not None:
        taken |= _shared_key(rows, items, taken)
    else:
        taken |= _item_and_title(rows, taken, given)
    for what, fits in (("time", is_time), ("user", repeats), ("item", repeats)):
        if what not in taken:
            taken |= _by_values(what, rows, fits, set(taken.values()))
    if "order" in taken and not orders(rows, taken.get("user"), taken["order"]):
        del taken["order"]
    if "title" not in taken:
        taken |= _longest_text(texts, set(taken.values()))
    for what in ("brand", "categories", "description"):
        find(what, texts, lambda column: not is_number(column))
    if "categories" not in taken:
        taken |= _lists(texts, set(taken.values()))
    taken.setdefault("item_key", taken.get("item", ""))
    return Guess(**{what: name or None for what, name in taken.items()})


def find_items_file(path: Path, rows: pd.DataFrame) -> Path | None:
    """The table next to a table of interactions that says most about its items; None where none shares a column."""
    best: tuple[float, Path] | None = None
    for other in sorted(path.parent.iterdir()):
        if other == path or not other.name.endswith(SUFFIXES):
            continue
        try:
            sample = read_sample(other)
            names = [str(name) for name in sample if is_key(sample[name])]
            if not names or not any(is_text(sample[name]) for name in sample):
                continue
            keys = read_sample(other, None, names)  # the samples of two large tables may have nothing in common
        except InputError:  # no table, and nobody named it
            continue
        share = max((_overlap(rows[a], keys[b]) for a in rows for b in keys if is_key(keys[b])), default=0.0)
        if share > 0.5 and (best is None or share > best[0]):
            best = (share, other)
    return best[1] if best else None


def is_number(column: pd.Series) -> bool:
    """Whether all values that are there are numbers."""
    values = column.dropna()
    return bool(len(values)) and bool(pd.to_numeric(values, errors="coerce").notna().all())


def is_time(column: pd.Series) -> bool:
    """Whether nearly all values are times as `prepare` reads them: ISO dates, or numbers since 1970."""
    values = column.dropna()
    if is_number(values):
        numbers = pd.to_numeric(values)
        return bool((numbers.between(1e8, 1e20) | numbers.between(19000101, 21001231)).all())
    return bool(len(values)) and bool(values.astype(str).str.match(r"\d{4}-\d\d-\d\d").mean() > 0.95)


def is_date(column: pd.Series) -> bool:
    """Whether nearly all values are dates in digits, of any order: 28.11.2020, too."""
    values = column.dropna().astype(str)
    return bool(len(values)) and bool(values.str.match(_DATE).mean() > 0.95)


def is_rating(column: pd.Series) -> bool:
    """Whether the values are a few small numbers."""
    return is_number(column) and column.nunique() <= 101 and float(pd.to_numeric(column.dropna()).max()) <= 100


def is_key(column: pd.Series) -> bool:
    """Whether no two rows have the same value."""
    return bool(column.notna().all()) and column.astype(str).is_unique


def is_text(column: pd.Series) -> bool:
    """Whether the values are words and not numbers or times."""
    return not (is_number(column) or is_time(column) or is_date(column)) and bool(column.notna().any())


def repeats(column: pd.Series) -> bool:
    """Whether values come back, as those who choose and what is chosen do."""
    values = column.dropna().astype(str)
    return 1 < values.nunique() < 0.9 * len(values)


def same_things(rows: pd.DataFrame, one: str, other: str) -> bool:
    """Whether two columns name the same things, as ids and titles do: most values of one come with one of the other."""
    if not (repeats(rows[one]) and repeats(rows[other])):
        return False
    pairs = rows[[one, other]].dropna().astype(str).drop_duplicates()
    return len(pairs) < 1.5 * min(pairs[one].nunique(), pairs[other].nunique())


def orders(rows: pd.DataFrame, user: str | None, column: str) -> bool:
    """Whether a column numbers each user's rows; that of an order or a basket, which rows share, does not."""
    return user is not None and bool(rows.dropna(subset=[column]).duplicated([user, column]).mean() < 0.05)


def lowest_kept_rating(ratings: pd.Series) -> float:
    """The lowest rating in the upper half of the scale; that of all where more than half of the rows are below it.

    >>> lowest_kept_rating(pd.Series([1, 2, 3, 4, 5])), lowest_kept_rating(pd.Series([0.5, 3.0, 5.0]))
    (3.0, 3.0)
    >>> lowest_kept_rating(pd.Series([0, 0, 0, 10]))  # mostly unrated
    0.0
    """
    high = ratings >= (ratings.min() + ratings.max()) / 2
    return float(ratings[high].min() if high.mean() >= 0.5 else ratings.min())


def _overlap(column: pd.Series, keys: pd.Series) -> float:
    return float(column.dropna().astype(str).isin(set(keys.astype(str))).mean())


def _shared_key(rows: pd.DataFrame, items: pd.DataFrame, taken: dict[str, str]) -> dict[str, str]:
    """Which column of the interactions holds which unique column of the items."""
    free = [name for name in rows.columns if name not in (taken.get("user"), taken.get("time"), taken.get("rating"))]
    free = [taken["item"]] if "item" in taken else free
    pairs = [(_overlap(rows[a], items[b]), a, b) for a in free for b in items.columns if is_key(items[b])]
    share, item, key = max(pairs, default=(0.0, "", ""), key=lambda pair: pair[0])
    return {"item": item, "item_key": key} if share > 0.5 else {}


def _item_and_title(rows: pd.DataFrame, taken: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """The ids and the titles of the same items in one table: those with a likely name, else the best words."""
    likely = {taken.get("item"), taken.get("title")}
    free: list[str] = [name for name in rows.columns if name not in taken.values() or name in likely]
    found = []
    for item, title in combinations([name for name in free if not is_time(rows[name])], 2):
        if _digits(rows[item]) < _digits(rows[title]):
            item, title = title, item
        if item == taken.get("title") or title == given.get("item"):
            item, title = title, item
        if same_things(rows, item, title) and not is_number(rows[title]):
            found.append((len(likely & {item, title}), -_digits(rows[title]), rows[item].nunique(), item, title))
    best = max(found, key=lambda pair: pair[:3], default=None)
    return {"item": best[3], "title": best[4]} if best and given.get("item") in (None, best[3]) else {}


def _digits(column: pd.Series) -> float:
    """The share of digits in a column's characters, which ids have more of than titles."""
    text = "".join(column.dropna().astype(str))
    return sum(map(str.isdigit, text)) / max(len(text), 1)


def _by_values(what: str, rows: pd.DataFrame, fits: Check, taken: Iterable[str]) -> dict[str, str]:
    """The column that fits and has the most different values; of times, the first with half as many."""
    found = [name for name in rows.columns if name not in taken and fits(rows[name]) and not is_rating(rows[name])]
    if what != "time":
        found = [name for name in found if not (is_time(rows[name]) or is_date(rows[name]))]
    most = max((rows[name].nunique() for name in found), default=0)
    enough = most / 2 if what == "time" else most
    return {what: next(name for name in found if rows[name].nunique() >= enough)} if found else {}


def _begins(times: list[str]) -> str:
    """Of columns of times the first that is not the end of something: lent, and not returned."""
    return next((name for name in times if not _ENDS.search(name)), times[0])


def _finest(rows: pd.DataFrame, users: list[str]) -> str:
    """The first column, or one that tells more of the same users apart: their numbers, and not their names."""
    same = [name for name in users if name == users[0] or same_things(rows, users[0], name)]
    return max(same, key=lambda name: rows[name].nunique())


def _lists(texts: pd.DataFrame, taken: Iterable[str]) -> dict[str, str]:
    """The first column of several short words each that other rows have, too: "Puzzle; Party"."""
    for name in texts.columns:
        if name in taken or not is_text(texts[name]):
            continue
        values = texts[name].dropna().astype(str)
        words = values.drop_duplicates().map(_LIST_SIGNS.split).explode()
        if (
            values.str.contains("[;|]").mean() >= 0.2
            and words.nunique() < 0.5 * len(words)
            and words.str.len().max() <= 40
        ):
            return {"categories": name}
    return {}


def _longest_text(frame: pd.DataFrame, taken: Iterable[str]) -> dict[str, str]:
    """The column of words with the most different values."""
    found = [name for name in frame.columns if name not in taken and is_text(frame[name])]
    return {"title": max(found, key=lambda name: frame[name].astype(str).nunique())} if found else {}
