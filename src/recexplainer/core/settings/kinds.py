"""Kinds of values, with their ranges: what the fields of all sections are declared by.

`require` is for what a range cannot say: rules between the fields of one section.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval
from pydantic import AfterValidator, AllowInfNan, BeforeValidator, ConfigDict, Strict
from pydantic_core import PydanticCustomError

SECTION = ConfigDict(extra="forbid", defer_build=True)


def must(holds: Callable[[Any], object], expected: str) -> AfterValidator:
    """A condition of one value; ``expected`` completes "it must be …"."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise PydanticCustomError("condition", "{condition}", {"condition": expected})
        return value

    return AfterValidator(check)


def one_of(known: tuple[str, ...], suffix: str = "") -> AfterValidator:
    """One of the known words, where a `Literal` would bind all who take a list or mapping of them."""
    return must(lambda word: word in known, f"one of {', '.join(known)}{suffix}")


def require(holds: bool, name: str, expected: str) -> None:
    """Refuse a section, in its ``__post_init__``, whose values do not fit together; ``name`` is the field at fault."""
    if not holds:
        raise PydanticCustomError("rule", "{name} must be {expected}", {"name": name, "expected": expected})


def _read_number(value: Any) -> Any:
    """Text like ``1e-4`` is a number, in YAML 1.2; our reader knows YAML 1.1."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Whole = Annotated[int, Strict()]
Count = Annotated[Whole, Ge(1)]
CountOrZero = Annotated[Whole, Ge(0)]
Number = Annotated[float, Strict(), AllowInfNan(False), BeforeValidator(_read_number)]
NotNegative = Annotated[Number, Ge(0)]
Positive = Annotated[Number, Gt(0)]
Share = Annotated[Number, Interval(ge=0, le=1)]
ShareBelowOne = Annotated[Number, Interval(ge=0, lt=1)]
ShareAboveZero = Annotated[Number, Interval(gt=0, le=1)]
ProperShare = Annotated[Number, Interval(gt=0, lt=1)]
Flag = Annotated[bool, Strict()]
FILLED = must(len, "a list with at least one value")
DISTINCT = must(lambda values: len(set(values)) == len(values), "without repeats")
