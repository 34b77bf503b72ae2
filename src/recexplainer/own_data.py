"""`recexplainer init`: params.yaml for a table of one's own, its columns guessed and its sizes made to fit a budget."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd
import typer

from recexplainer.alignment.sizing import as_parameters, estimated_minutes, sizes_for
from recexplainer.core.errors import InputError, did_you_mean
from recexplainer.core.settings import load_settings
from recexplainer.data.guessing import (
    Guess,
    find_items_file,
    guess_columns,
    is_date,
    is_time,
    lowest_kept_rating,
    read_sample,
)
from recexplainer.demo.domain import NOUNS
from recexplainer.store.presets import change_parameters, forget_committed_metrics

_GENERIC = ("ratings", "reviews", "interactions", "events", "data", "log", "logs", "table", "train")
REQUIRED = ("user", "item", "title")
WHAT = {
    "user": "the user",
    "item": "the item",
    "time": "the time, if any",
    "order": "the position among the user's rows, in place of a time, if any",
    "rating": "the rating, if any",
    "item_key": "the item's id in the table of items",
    "title": "the item's title",
    "brand": "the item's brand, author or maker, if any",
    "categories": "the item's categories or genres, if any",
    "description": "the item's description, if any",
}
NONE = "none"  # what one says for "no such column"


def initialise(
    file: Path,
    items_file: Path | None,
    given: Mapping[str, str | None],
    name: str | None,
    noun: str | None,
    minutes: float | None,
    asks: bool,
) -> list[str]:
    """Look at a table of interactions, and write what it needs into params.yaml, whose comments stay.

    Args:
        file: The table of interactions.
        items_file: That of the items; None: found next to it, or the same table.
        given: Columns that need no guess, by what they hold; `none`: there is no such column.
        name: Of the data set; None: the file's.
        noun: An item in the singular; None: guessed from the names of files and columns.
        minutes: The budget; None: `run.minutes`.
        asks: Whether to ask a person about every guess.

    Returns:
        Lines that say what was found and written.

    Raises:
        InputError: A file or column is not there, or a column that is needed was not found; nothing is written then.
    """
    rows = read_sample(file)
    titled = None if items_file is None and given.get("title") in rows.columns else items_file
    if titled is None and given.get("title") not in rows.columns:
        titled = find_items_file(file, rows)
    items = None if titled is None else read_sample(titled, None)  # a sample may lack the items of `rows`
    columns = _columns(file, rows, titled, items, given, asks)
    noun = noun or guess_noun(
        [*(str(columns[what]) for what in ("item", "item_key", "title")), file.stem, titled.stem if titled else ""]
    )
    chosen = [columns[what] for what in ("user", "item", "rating")]
    counts = read_sample(file, None, [name for name in chosen if name])
    if columns["rating"]:
        counts[columns["rating"]] = pd.to_numeric(counts[columns["rating"]], errors="coerce")
    settings = load_settings()
    columns["rating"], gaps = _filled(
        file, counts, columns["rating"], bool(given.get("rating")), settings.dataset.max_bad_lines
    )
    liked, min_rating, ratings = _liked(counts, columns["rating"])
    n_users, n_items = (int(liked[columns[what]].nunique()) for what in ("user", "item"))
    budget = minutes or settings.run.minutes
    build = settings.build_alignment
    taught = build.positions_per_user, build.classifications_per_history, build.choices_per_history
    sizes = sizes_for(n_users, n_items, budget, *taught)
    name = name or guess_name(file)
    raw, copied = _folder_of(file, name)
    changes = as_parameters(sizes, n_items, settings.adapt_llm.slot_top)
    changes["prepare"]["min_rating"] = min_rating
    changes["run"] = {"minutes": int(budget) if budget == int(budget) else budget}
    changes["dataset"] = {
        "name": name,
        "item_noun": noun,
        "raw": raw.as_posix(),
        "format": "table",
        "interactions_file": file.name,
        "items_file": file.name if titled is None else _seen_from(titled, file.parent, copied),
        "dialogues_file": None,
        "columns": columns,
    }
    change_parameters(changes)
    gone = " and deleted the committed metrics of other data" if forget_committed_metrics() else ""
    for table in (file, titled) if copied else ():
        if table is not None:
            raw.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(table, raw / table.name)
    n_kept = sizes.max_users or n_users, sizes.max_items or n_items
    takes = f"about {estimated_minutes(load_settings(), *n_kept, adapts=True):.0f} minutes on two cores"
    found = ", ".join(f"{what}: {column}" for what, column in columns.items() if column)
    names = dict.fromkeys(map(str, [*rows, *(() if items is None else items)]))
    unused = ", ".join(name for name in names if name not in columns.values()) or "none"
    kept = f"{n_kept[1]:,} items and {n_kept[0]:,} users at most"
    return [
        f"{file}: {len(counts):,} rows, {n_users:,} users, {n_items:,} items ({noun})",
        f"columns: {found}; unused: {unused}; titles from {titled or file}",
        *gaps,
        *ratings,
        *_nothing_to_name(columns),
        f"for {budget:g} minutes: {kept}, {sizes.steps} steps of adapt_llm, {sizes.epochs:g} epochs of intention; "
        f"{takes}",
        f"wrote params.yaml{gone}; check it, then run: make demo",
    ]


def _filled(
    file: Path, rows: pd.DataFrame, rating: str | None, is_given: bool, most: int
) -> tuple[str | None, list[str]]:
    """The column of ratings, unless more rows lack one than `prepare` tolerates; then none, and a line that says so."""
    if rating is None:
        return None, []
    ratings = rows[rating]
    if ratings.isna().all():
        raise InputError(f"{file}: column {rating!r} contains no numbers; name another one with --rating, or none")
    n_unrated = int(ratings.isna().sum())
    if n_unrated <= most:
        return rating, []
    gaps = f"{n_unrated:,} of {len(rows):,} rows have none in column {rating!r}"
    if is_given:
        raise InputError(f"{file}: {gaps}; fill it, or give --rating none")
    return None, [f"ratings: not used, as {gaps}; every row counts as a like"]


def _liked(rows: pd.DataFrame, rating: str | None) -> tuple[pd.DataFrame, float, list[str]]:
    """The rows with a high rating, the lowest high one, and a line about them; all rows where nobody rated."""
    if rating is None:
        return rows, 0.0, []
    ratings = rows[rating]
    least = lowest_kept_rating(ratings.dropna())
    liked = rows[ratings >= least]
    scale, n_liked = f"{ratings.min():g} to {ratings.max():g}", f"{len(liked):,} of {len(rows):,} rows"
    return liked, least, [f"ratings: {scale}, those from {least:g} are kept as likes, {n_liked} (prepare.min_rating)"]


def _nothing_to_name(columns: Mapping[str, str | None]) -> list[str]:
    """A line where texts can name titles alone."""
    if columns["categories"] or columns["brand"]:
        return []
    return ["no categories and no brand: the texts can name titles only; give --categories or --brand if there are any"]


def guess_noun(names: list[str]) -> str:
    """The first word for items that names of files and columns hold; `item` where none does.

    >>> guess_noun(["movieId", "ratings"]), guess_noun(["thing", "loans"]), guess_noun(["isbn", "books"])
    ('movie', 'item', 'book')
    """
    words = [word.lower() for name in names for word in re.findall(r"[A-Z]?[a-z]+", name)]
    return next((noun for word in words for noun in NOUNS if word in (noun, f"{noun}s")), "item")


def _columns(
    file: Path,
    rows: pd.DataFrame,
    titled: Path | None,
    items: pd.DataFrame | None,
    given: Mapping[str, str | None],
    asks: bool,
) -> dict[str, str | None]:
    guess = asdict(guess_columns(rows, items, given))
    of_items = ("item_key", "title", "brand", "categories", "description")
    columns: dict[str, str | None] = {}
    for field in fields(Guess):
        what = field.name
        table, path = (items, titled) if what in of_items and items is not None else (rows, file)
        assert table is not None
        column = given.get(what) or (None if what == "order" and columns["time"] else guess[what])
        if asks and not given.get(what):
            column = typer.prompt(f"{path}: {WHAT[what]} [{', '.join(map(str, table.columns))}]", column or NONE)
        columns[what] = None if column in (None, NONE) else _known(column, table, path, what)
    missing = [what for what in REQUIRED if columns[what] is None]
    if missing:
        raise InputError(f"{file}: no column looks like {WHAT[missing[0]]}; name it with --{missing[0]}")
    _check_order(file, rows, columns["time"], columns["order"])
    columns["item_key"] = columns["item_key"] or columns["item"]
    return columns


def _check_order(file: Path, rows: pd.DataFrame, time: str | None, order: str | None) -> None:
    """Refuse times that `prepare` cannot read, and a table without any order."""
    wanted = "numbers, or ISO dates such as 2024-05-31"
    unread = time
    if time is None and order is None:
        unread = next((str(name) for name in rows if is_date(rows[name])), None)
    if unread is not None and not is_time(rows[unread]):
        held = next(iter(rows[unread].dropna().astype(str)), "nothing")
        raise InputError(f"{file}: column {unread!r} holds {held}; times are {wanted}: convert it, or name another "
                         "column with --time or --order")  # fmt: skip
    if time is None and order is None:
        raise InputError(f"{file}: no column gives the order of the rows; name one with --time ({wanted}) or --order")


def _known(column: str, table: pd.DataFrame, path: Path | None, what: str) -> str:
    if column not in table.columns:
        raise InputError(f"--{what.replace('_', '-')}: {path} has no column {column!r}; "
                         f"{did_you_mean(column, map(str, table.columns))}")  # fmt: skip
    return column


def guess_name(file: Path) -> str:
    """A data set's name: the file's, or, where that says nothing, the folder's.

    >>> guess_name(Path("/data/city library/loans 2024.csv")), guess_name(Path("/data/films/ratings.csv.gz"))
    ('loans-2024', 'films')
    """
    stem = file.name.split(".")[0]
    named = file.resolve().parent.name if stem.lower() in _GENERIC else stem
    return re.sub(r"[^\w.-]+", "-", named).strip("-") or "mine"


def _folder_of(file: Path, name: str) -> tuple[Path, bool]:
    """The folder for `dataset.raw`, and whether the tables have to be copied there.

    DVC watches the whole folder, which therefore cannot hold the project itself.
    """
    if Path.cwd().is_relative_to(file.resolve().parent):
        return Path("data/raw") / name, True
    return file.parent, False


def _seen_from(path: Path, folder: Path, copied: bool) -> str:
    """A path inside a folder by its name there, any other as it is."""
    if copied:
        return path.name
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.resolve().as_posix()


def is_asked() -> bool:
    """Whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()
