"""What was explained, judged and rated: one record per line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from recexplainer.core.records.explanation import Explanation, UserExplanation
from recexplainer.core.records.judgement import Judgement
from recexplainer.core.records.preference import SourceComparison
from recexplainer.core.records.rating import Rating, SheetKey
from recexplainer.store.paths import RATINGS, comparison, explanations, judgements, sheet_key, user_explanations
from recexplainer.store.texts import write_json
from recexplainer.store.typed import read_records, to_row, write_records


def write_explanations(source: str, records: Iterable[Explanation]) -> None:
    """Write the explanations of one source, one per case."""
    write_records(explanations(source), records)


def read_explanations(source: str) -> list[Explanation]:
    """Read the explanations of one source, in the order of the cases.

    Raises:
        InputError: The file is missing, or is not what ``explain`` writes.
    """
    return read_records(explanations(source), Explanation, f"run dvc repro explain@{source}")


def write_user_explanations(source: str, records: Iterable[UserExplanation]) -> None:
    """Write the explanations to users of one's choice."""
    write_records(user_explanations(source), records)


def read_user_explanations(source: str) -> list[UserExplanation]:
    """Read the explanations to users of one's choice.

    Raises:
        InputError: The file is missing, or is not what ``explain_users`` writes.
    """
    return read_records(user_explanations(source), UserExplanation, "run recexplainer explain_users again")


def write_judgements(source: str, records: Iterable[Judgement]) -> None:
    """Write the judgements of one source, one per explanation."""
    write_records(judgements(source), records)


def read_judgements(source: str) -> list[Judgement]:
    """Read the judgements of one source, in the order of its explanations.

    Raises:
        InputError: The file is missing, or is not what ``judge`` writes.
    """
    return read_records(judgements(source), Judgement, f"run dvc repro judge@{source}")


def write_comparison(found: SourceComparison) -> None:
    """Write what the comparison of two sources found."""
    write_json(comparison(*found.sources), to_row(found))


def write_sheet_key(sheet: Path, rows: Iterable[SheetKey]) -> None:
    """Write the key of a sheet."""
    write_records(sheet_key(sheet), rows)


def read_sheet_key(sheet: Path) -> list[SheetKey]:
    """Read the key of a sheet.

    Raises:
        InputError: The file is missing, or is not what ``ratings export`` writes.
    """
    return read_records(sheet_key(sheet), SheetKey, "name the exported sheet with --sheet")


def write_ratings(records: Iterable[Rating]) -> None:
    """Write the ratings of all raters."""
    write_records(RATINGS, records)


def read_ratings(to_rewrite: bool = False) -> list[Rating]:
    """Read the ratings of all raters; none where nobody has rated yet.

    Args:
        to_rewrite: They go back into the file with others: fields that a rating does not have are refused.

    Raises:
        InputError: The file is not what ``ratings import`` writes.
    """
    remedy = "move it away and import the sheets again"
    return read_records(RATINGS, Rating, remedy, to_rewrite) if RATINGS.exists() else []
