"""Sheets for human raters: python -m recexplainer.judging.sheet export, and import FILLED.csv …"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from recexplainer import store
from recexplainer.errors import InputError, ends_clearly
from recexplainer.judging.ratings import make_sheet, merge, read_filled, sheet_text
from recexplainer.settings import SOURCES
from recexplainer.settings.command_line import add_parameters, given_settings


def export_sheet(path: Path, sources: Sequence[str], seed: int, n_cases: int | None) -> int:
    """Write a sheet and its key beside it; return the number of rows.

    Raises:
        InputError: An input is missing, or one of the two files is there already: it may hold someone's work.
    """
    key_path = store.sheet_key(path)
    for there in (path, key_path):
        if there.exists():
            raise InputError(f"{there}: is there already; move it away, or name another file with --sheet")
    explanations = {source: store.read_explanations(source) for source in sources}
    sheet, key = make_sheet(explanations, store.read_catalogue(), seed, n_cases)
    store.write_text(path, sheet_text(sheet), encoding="utf-8-sig")  # the mark tells Excel that it is UTF-8
    store.write_sheet_key(path, key)
    return len(sheet)


def import_sheets(filled: Sequence[Path], sheet: Path) -> dict[str, tuple[int, int]]:
    """Add filled sheets to the ratings; return per rater the number of ratings, and of rows without a level.

    Raises:
        InputError: A sheet cannot be used; then nothing is written.
    """
    raters = [path.stem for path in filled]
    twice = {rater for rater in raters if raters.count(rater) > 1}
    if twice:
        raise InputError(f"two sheets are called {min(twice)!r}; a sheet is named for its rater")
    key = store.read_sheet_key(sheet)
    read = {rater: read_filled(path, key, rater) for path, rater in zip(filled, raters, strict=True)}
    kept = store.read_ratings() if store.RATINGS.exists() else []
    store.write_ratings(merge(kept, [row for rows, _ in read.values() for row in rows]))
    return {rater: (len(rows), n_open) for rater, (rows, n_open) in read.items()}


def explained_sources() -> list[str]:
    """The sources whose explanations are there.

    Raises:
        InputError: There are none.
    """
    found = [source for source in SOURCES if store.explanations(source).exists()]
    if not found:
        raise InputError(f"{store.explanations('<source>')}: no such file; run dvc repro explain")
    return found


@ends_clearly
def main(argv: list[str] | None = None) -> int:
    """Export or import; exit code 2 for bad input, with one line on stderr."""
    arguments = _parser().parse_args(argv)
    if arguments.action == "export":
        sources = arguments.sources or explained_sources()
        seed = given_settings(arguments).run.seed
        n_rows = export_sheet(arguments.sheet, sources, seed, arguments.n_cases)
        print(f"{arguments.sheet}: {n_rows} texts of {', '.join(sources)}, a copy for each rater")
        print(f"{store.sheet_key(arguments.sheet)}: whose they are; not for raters")
    else:
        for rater, (n, n_open) in import_sheets(arguments.filled, arguments.sheet).items():
            print(f"{store.RATINGS}: {n} ratings of {rater}" + (f", {n_open} rows without a level" if n_open else ""))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recexplainer.judging.sheet", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True)
    export = actions.add_parser("export", help="write a sheet and its key", allow_abbrev=False)
    export.add_argument("--sources", nargs="+", choices=SOURCES, help="whose texts; without: all that are there")
    export.add_argument("--n-cases", type=int, metavar="N", help="how many cases; without: all")
    add_parameters(export)  # run.seed decides the draw, the order and the ids
    imports = actions.add_parser("import", help="read filled sheets", allow_abbrev=False)
    imports.add_argument("filled", nargs="+", type=Path, metavar="RATER.csv", help="named for who filled it in")
    for action in (export, imports):
        action.add_argument("--sheet", type=Path, default=store.SHEET, help="the sheet that is handed out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
