"""Bars on a common axis, in per cent of the width, so that a chart fits any screen and its text stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A horizontal axis from `low` to `high`; it always contains zero."""

    low: float
    high: float

    @classmethod
    def spanning(cls, values: Iterable[float | None], low: float = 0.0, high: float = 0.0) -> Axis:
        """The axis that holds zero, all values and at least `low` to `high`."""
        known = [value for value in values if value is not None]
        return cls(min([0.0, low, *known]), max([0.0, high, *known]) or 1.0)

    def at(self, value: float) -> float:
        """The place of a value, in per cent of the width; beyond the ends: at the end.

        >>> Axis(-1.0, 3.0).at(0.0), Axis(0.0, 1.0).at(2.0)
        (25.0, 100.0)
        """
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


@dataclass(frozen=True)
class Bar:
    """One row of a chart.

    Attributes:
        label: What is measured.
        value: None where there is no figure.
        kind: The style: a source, or ``plain``, ``control``, ``strong``.
        interval: Ends of the 95 % interval.
        mark: A figure to compare with, drawn as a tick.
        note: A few words after the figure.
    """

    label: str
    value: float | None
    kind: str = "plain"
    interval: Sequence[float] | None = None
    mark: float | None = None
    note: str = ""


@dataclass(frozen=True)
class BarChart:
    """Rows of bars on one axis; `mark` says what the ticks are."""

    title: str
    bars: list[Bar]
    axis: Axis
    hint: str = ""
    mark: str = ""
    digits: int = 3

    def start(self, bar: Bar) -> float:
        """Left end of a bar, in per cent."""
        return min(self.axis.at(0.0), self.axis.at(bar.value or 0.0))

    def width(self, bar: Bar) -> float:
        """Width of a bar, in per cent."""
        return round(abs(self.axis.at(bar.value or 0.0) - self.axis.at(0.0)), 2)

    @property
    def has_marks(self) -> bool:
        """Whether any row has a tick."""
        return any(bar.mark is not None for bar in self.bars)


def chart(
    title: str,
    bars: list[Bar],
    *,
    hint: str = "",
    mark: str = "",
    digits: int = 3,
    low: float = 0.0,
    high: float = 0.0,
) -> BarChart:
    """A chart whose axis spans its bars, their intervals and their marks, and at least `low` to `high`."""
    values = [value for bar in bars for value in (bar.value, bar.mark, *(bar.interval or ()))]
    return BarChart(title, bars, Axis.spanning(values, low, high), hint, mark, digits)
