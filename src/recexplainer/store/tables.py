"""Tables: Parquet and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.core.errors import InputError
from recexplainer.store.atomic import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def write_parquet(path: Path | str, frame: pd.DataFrame) -> None:
    """Write a table without its index."""
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_parquet(path: Path | str, required: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table.

    Raises:
        InputError: when the file is missing, is no Parquet file, or lacks a required column.
    """
    import pandas as pd

    if not Path(path).exists():
        raise InputError(f"{path}: no such file; run the stage that writes it (dvc repro)")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is not a readable Parquet file: {error}") from None
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]!r}")
    return frame


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write a table with a line of names first, and return the number of its rows."""
    number = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            number += 1
    return number
