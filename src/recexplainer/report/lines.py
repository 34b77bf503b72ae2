"""Curves on two axes: what is drawn, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.report.charts import Axis

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

    @property
    def spoken(self) -> str:
        """The ends of every curve in words, for readers who do not see it."""
        parts = [
            f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}"
            for line in self.lines
            if line.points
        ]
        return f"{self.title}. {self.y_label} by {self.x_label}: {'; '.join(parts)}"
