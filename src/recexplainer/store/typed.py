"""Records in JSON lines: dataclasses out, dataclasses in, every field checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from recexplainer.core.errors import InputError
from recexplainer.store.texts import numbered_lines, write_jsonl

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def write_records(path: Path | str, records: Iterable[DataclassInstance]) -> None:
    """Write one record per line."""
    write_jsonl(path, map(to_row, records))


def read_records(path: Path | str, kind: type[Record], remedy: str, to_rewrite: bool = False) -> list[Record]:
    """Read one record per line.

    Args:
        path: The file.
        kind: A dataclass of `recexplainer.core.records`.
        remedy: What to do about a file that is missing or does not fit.
        to_rewrite: The records go back into the file: fields that ``kind`` does not have, which would be lost, are
            refused. Otherwise they are ignored.

    Raises:
        InputError: The file is missing, or a line is not such a record.
    """
    return [
        from_row(line, kind, f"{path}: line {number}", remedy, to_rewrite)
        for number, line in numbered_lines(path, remedy)
    ]


def to_row(record: DataclassInstance) -> dict[str, Any]:
    """A record as a JSON object, without the optional fields that it does not have."""
    optional = {field.name for field in fields(record) if field.default is None}
    return {name: value for name, value in asdict(record).items() if value is not None or name not in optional}


def from_row(line: str, kind: type[Record], where: str, remedy: str, to_rewrite: bool = False) -> Record:
    """A record out of a JSON object's text.

    Raises:
        InputError: It is not such a record, or holds NaN or infinity; ``where`` begins the message and ``remedy`` ends
            it.
    """
    try:
        record = _reader(kind).validate_json(line, strict=True, extra="forbid" if to_rewrite else "ignore")
    except ValidationError as error:
        raise InputError(f"{where}: {_problem(error)}; {remedy}") from None
    for name, value in vars(record).items():
        if not _is_finite(value):
            raise InputError(f"{where}: {name}: contains a number that is not finite; {remedy}")
    return record


@cache
def _reader(kind: type[Record]) -> TypeAdapter[Record]:
    return TypeAdapter(kind)


def _is_finite(value: Any) -> bool:
    """Whether all numbers within a value are finite; JSON has no others."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return all(map(_is_finite, value.values() if isinstance(value, dict) else getattr(value, "__dict__", {}).values()))


def _problem(error: ValidationError) -> str:
    """The first thing that is wrong, with the dotted name of its field."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] in ("missing", "missing_keyword_only_argument"):
        return f"has no {field!r}"
    if first["type"] == "unexpected_keyword_argument":
        return f"has an unknown field {field!r}"
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{field}: {message}" if field else message
