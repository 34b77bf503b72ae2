"""What was explained, judged and rated: one record per line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation, UserExplanation
from recexplainer.store.paths import RATINGS, explanations, judgements, sheet_key, user_explanations
from recexplainer.store.texts import read_jsonl, write_jsonl
from recexplainer.store.typed import read_records, write_records

JUDGEMENT_KEYS = ("explanation_id", "level", "score", "judge", "reasons")
SHEET_KEY_KEYS = ("id", "source", "explanation_id", "text_sha256")
RATING_KEYS = ("rater", "id", "source", "explanation_id", "level", "score", "comment", "text_sha256")


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


def write_judgements(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write the judgements of one source."""
    write_jsonl(judgements(source), rows)


def read_judgements(source: str) -> list[dict[str, Any]]:
    """Read the judgements of one source."""
    return read_jsonl(judgements(source), JUDGEMENT_KEYS)


def write_sheet_key(sheet: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the key of a sheet."""
    write_jsonl(sheet_key(sheet), rows)


def read_sheet_key(sheet: Path) -> list[dict[str, Any]]:
    """Read the key of a sheet.

    Raises:
        InputError: when it is missing or malformed.
    """
    if not sheet_key(sheet).exists():
        raise InputError(f"{sheet_key(sheet)}: no such file; name the sheet that was exported with --sheet")
    return read_jsonl(sheet_key(sheet), SHEET_KEY_KEYS)


def write_ratings(rows: Iterable[dict[str, Any]]) -> None:
    """Write the ratings of all raters."""
    write_jsonl(RATINGS, rows)


def read_ratings() -> list[dict[str, Any]]:
    """Read the ratings of all raters."""
    return read_jsonl(RATINGS, RATING_KEYS)
