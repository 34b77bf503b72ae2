"""Curves on two axes, in the units of one small drawing that scales with the screen and keeps its text legible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10, sqrt

from recexplainer.report.charts import Axis

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 330, 12, 186  # of the plot, inside the drawing
_MAX_RADIUS = 9.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One curve; with weights its points are dots whose areas are the weights' shares.

    Attributes:
        name: What it shows.
        kind: The style: a source, ``random``, ``newest`` or ``leave_one_out``.
        points: In the axes' units, from left to right.
        weights: One per point, or None.
    """

    name: str
    kind: str
    points: Sequence[Point]
    weights: Sequence[float] | None = None


@dataclass(frozen=True)
class LineChart:
    """Curves over shares from 0 to 1; `diagonal` draws where both axes agree."""

    title: str
    lines: list[Line]
    x_label: str
    y_label: str
    y_axis: Axis
    hint: str = ""
    diagonal: bool = False

    def x(self, value: float) -> float:
        """Where a share lies, from the drawing's left."""
        return round(LEFT + (RIGHT - LEFT) * Axis(0.0, 1.0).at(value) / 100, 1)

    def y(self, value: float) -> float:
        """Where a value lies, from the drawing's top."""
        return round(BOTTOM - (BOTTOM - TOP) * self.y_axis.at(value) / 100, 1)

    def path(self, line: Line) -> str:
        """The curve as the points of a polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in line.points)

    def dots(self, line: Line) -> list[tuple[float, float, float]]:
        """Centre and radius of each weighted point."""
        heaviest = max(line.weights or [], default=0.0)
        return [
            (self.x(x), self.y(y), round(max(2.5, _MAX_RADIUS * sqrt(weight / heaviest)), 1))
            for (x, y), weight in zip(line.points, line.weights or [], strict=False)
        ]

    @property
    def x_ticks(self) -> list[float]:
        """Shares with a label below."""
        return [0.0, 0.25, 0.5, 0.75, 1.0]

    @property
    def y_ticks(self) -> list[float]:
        """Three to seven round values on the vertical axis."""
        return round_ticks(self.y_axis.low, self.y_axis.high)

    @property
    def spoken(self) -> str:
        """The ends of every curve in words, for readers who do not see it."""
        parts = [
            f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}"
            for line in self.lines
            if line.points
        ]
        return f"{self.title}. {self.y_label} by {self.x_label}: {'; '.join(parts)}"


def round_ticks(low: float, high: float) -> list[float]:
    """Round values from `low` to `high`.

    >>> round_ticks(0.0, 0.047), round_ticks(0.0, 1.0)
    ([0.0, 0.01, 0.02, 0.03, 0.04], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    rough = (high - low) / 4
    size = 10 ** floor(log10(rough))
    step = min((factor * size for factor in (1, 2, 5, 10)), key=lambda step: abs(step - rough))
    return [round(number * step, 10) for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """A tick's label, without zeros that say nothing.

    >>> tick_text(0.02), tick_text(1.0), tick_text(0.0)
    ('.02', '1', '0')
    """
    text = f"{value:g}"
    return text[1:] if text.startswith("0.") else text.replace("-0.", "−.").replace("-", "−")
