"""Checks of single values."""

from __future__ import annotations

from recexplainer.errors import InputError


def require(holds: bool, where: str, expected: str) -> None:
    """Refuse a value that does not hold; ``where`` is the parameter's dotted name.

    >>> require(0 >= 1, "run.threads", "at least 1")
    Traceback (most recent call last):
    ...
    recexplainer.errors.InputError: params: run.threads must be at least 1
    """
    if not holds:
        raise InputError(f"params: {where} must be {expected}")


def require_one_of(value: str, known: tuple[str, ...], where: str) -> None:
    """Refuse a value that is not among the known ones."""
    require(value in known, where, f"one of {', '.join(known)}, not {value!r}")
