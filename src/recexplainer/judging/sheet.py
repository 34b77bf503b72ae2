"""Sheets for human raters: written, and read when they are filled in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import SOURCES
from recexplainer.judging.ratings import make_sheet, merge, read_filled, sheet_text


def export_sheet(path: Path | None, sources: Sequence[str] | None, seed: int, n_cases: int | None) -> list[str]:
    """Write a sheet and its key next to it; return what was written, in words.

    Args:
        path: Of the sheet; None: where sheets are looked for.
        sources: Whose texts; None: of all sources that have explained.
        seed: Of the draw, the order and the ids.
        n_cases: How many cases; None: all.

    Raises:
        InputError: An input is missing, or one of the two files is there already: it may hold someone's work.
    """
    path = path or store.SHEET
    sources = _known(sources) or explained_sources()
    key_path = store.sheet_key(path)
    for there in (path, key_path):
        if there.exists():
            raise InputError(f"{there}: already exists; move it away, or name another file with --sheet")
    explanations = {source: store.read_explanations(source) for source in sources}
    sheet, key = make_sheet(explanations, store.read_catalogue(), seed, n_cases)
    store.write_text(path, sheet_text(sheet), encoding="utf-8-sig")  # the mark tells Excel that it is UTF-8
    store.write_sheet_key(path, key)
    return [
        f"{path}: {len(sheet)} texts of {', '.join(sources)}; give each rater a copy",
        f"{key_path}: the key to the sources; keep it from raters",
    ]


def import_sheets(filled: Sequence[Path], sheet: Path | None = None) -> list[str]:
    """Add filled sheets to the ratings; return per rater the number of ratings, in words.

    Raises:
        InputError: A sheet cannot be used; then nothing is written.
    """
    raters = [path.stem for path in filled]
    twice = {rater for rater in raters if raters.count(rater) > 1}
    if twice:
        raise InputError(f"two sheets are named {min(twice)!r}; name each sheet after its rater")
    key = store.read_sheet_key(sheet or store.SHEET)
    read = {rater: read_filled(path, key, rater) for path, rater in zip(filled, raters, strict=True)}
    kept = store.read_ratings(to_rewrite=True)
    store.write_ratings(merge(kept, [row for rows, _ in read.values() for row in rows]))
    return [
        f"{store.RATINGS}: {len(rows)} ratings of {rater}" + (f", {n_open} rows without a level" if n_open else "")
        for rater, (rows, n_open) in read.items()
    ]


def explained_sources() -> list[str]:
    """The sources whose explanations are there.

    Raises:
        InputError: There are none.
    """
    found = [source for source in SOURCES if store.explanations(source).exists()]
    if not found:
        raise InputError(f"{store.explanations('<source>')}: no such file; run dvc repro explain")
    return found


def _known(sources: Sequence[str] | None) -> list[str]:
    for source in sources or []:
        if source not in SOURCES:
            raise InputError(f"--source: {source!r} is not a source; known: {', '.join(SOURCES)}")
    return list(sources or [])
