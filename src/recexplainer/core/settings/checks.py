"""Checks of single values."""

from __future__ import annotations

from typing import Any

from recexplainer.core.errors import InputError


def require(holds: bool, where: str, expected: str) -> None:
    """Refuse a value that does not hold; ``where`` is the parameter's dotted name.

    >>> require(0 >= 1, "run.threads", "at least 1")
    Traceback (most recent call last):
    ...
    recexplainer.core.errors.InputError: params: run.threads must be at least 1
    """
    if not holds:
        raise InputError(f"params: {where} must be {expected}")


def require_one_of(value: str, known: tuple[str, ...], where: str) -> None:
    """Refuse a value that is not among the known ones."""
    require(value in known, where, f"one of {', '.join(known)}, not {value!r}")


def require_at_least(section: str, settings: Any, **lowest: float) -> None:
    """Refuse values below their bounds; None is no value.

    >>> from types import SimpleNamespace
    >>> require_at_least("run", SimpleNamespace(threads=0), threads=1)
    Traceback (most recent call last):
    ...
    recexplainer.core.errors.InputError: params: run.threads must be at least 1
    """
    for name, bound in lowest.items():
        value = getattr(settings, name)
        require(value is None or value >= bound, f"{section}.{name}", f"at least {bound}")


def require_positive(section: str, settings: Any, *names: str) -> None:
    """Refuse values of zero or less; None is no value."""
    for name in names:
        value = getattr(settings, name)
        require(value is None or value > 0, f"{section}.{name}", "above 0")
