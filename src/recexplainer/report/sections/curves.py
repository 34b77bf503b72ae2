"""Curves of a source: what becomes of the item while its history is deleted, or put back."""

from __future__ import annotations

from recexplainer.report.charts import Axis
from recexplainer.report.inputs import Metrics
from recexplainer.report.lines import Line, LineChart

CURVES = {"deletion": "deleted", "insertion": "alone kept"}
EXPLAINERS = {"cited": "cited first", "random": "random", "newest": "newest first", "leave_one_out": "most influential"}


def curve_charts(metrics: dict[str, Metrics], variant: str) -> list[LineChart]:
    """One chart per source and kind of curve, all of a kind on one axis.

    Args:
        metrics: Per source its faithfulness figures.
        variant: How items are deleted: ``mask`` or ``shift``.
    """
    charts = {name: [_chart(source, figures, variant, name) for source, figures in metrics.items()] for name in CURVES}
    drawn = []
    for pair in zip(*charts.values(), strict=True):
        drawn += [chart for chart in pair if chart is not None]
    highest = max((y for chart in drawn for line in chart.lines for _, y in line.points), default=0.0)
    axis = Axis.spanning([highest])
    return [LineChart(c.title, c.lines, c.x_label, c.y_label, axis) for c in drawn]


def _chart(source: str, figures: Metrics, variant: str, name: str) -> LineChart | None:
    curves = figures.get("curves", {})
    shares, by_explainer = curves.get("shares", []), curves.get(variant, {}).get(name, {})
    lines = [
        Line(
            f"{source}, {label}" if explainer == "cited" else label,
            source if explainer == "cited" else explainer,
            [
                (share, value)
                for share, value in zip(shares, by_explainer.get(explainer, []), strict=True)
                if value is not None
            ],
        )
        for explainer, label in EXPLAINERS.items()
    ]
    lines = [line for line in reversed(lines) if line.points]  # the explanation's own curve is drawn last, on top
    if not lines:
        return None
    x_label = f"share of the shown items {CURVES[name]}"
    return LineChart(f"{source}: {name}", lines, x_label, "probability of the item", Axis(0.0, 1.0))
