"""The report's charts, drawn: as figures of their own, or inside the page, whose scheme then gives the colours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from recexplainer.core.figures import COLOURS, CONTROL, INK, SOFT, STRONG, make_panels, styled, to_svg
from recexplainer.report.charts import BarChart
from recexplainer.report.lines import Line, LineChart
from recexplainer.report.sections.common import Confusion, write

KINDS = COLOURS | {"plain": STRONG, "newest": SOFT, "leave_one_out": STRONG}  # all others are controls
DASHES = {"newest": ":", "leave_one_out": "--"}
_SHADES = LinearSegmentedColormap.from_list("shares", [COLOURS["track"], COLOURS["accent"]])
_NAMES = {colour: name for name, colour in COLOURS.items()}
_HEAVIEST = 250.0  # area of the largest dot, in square points
_INCH = 72.0  # points


@styled
def inline_lines(chart: LineChart, number: int = 0) -> Markup:
    """Curves as an SVG element for the page, spoken by their ends; ids begin with the drawing's number."""
    text = re.sub(r'(id="|href="#|url\(#)', rf"\1d{number}-", to_svg(_lines(chart)))
    coloured = re.sub("(?<=: )#[0-9a-f]{6}", lambda found: f"var(--{_NAMES[found[0]]})", text)
    head = Markup('<svg class="drawing" role="img" aria-label="{}"').format(chart.spoken)
    return head + Markup(re.sub(r"<svg.*?(?= viewBox)", "", coloured, count=1))


@styled
def draw_lines(chart: LineChart, title: str) -> Figure:
    """Curves with their names below."""
    figure = _lines(chart, 18 * len(chart.lines) + 28)
    _add_title(figure, title)
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


def _lines(chart: LineChart, further: int = 0) -> Figure:
    figure, (axes,) = make_panels(1, 340 / _INCH, (230 + further) / _INCH)
    if chart.diagonal:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--")
    for line in chart.lines:
        _line(axes, line)
    axes.set(xlim=(0, 1), ylim=(chart.y_axis.low, chart.y_axis.high), xlabel=chart.x_label, ylabel=chart.y_label)
    figure.set_facecolor("none")
    figure.set_layout_engine("constrained", h_pad=0.13, w_pad=0.13)  # inches, so that no dot on the border is cut
    return figure


def _line(axes: Axes, line: Line) -> None:
    colour = KINDS.get(line.kind, CONTROL)
    xs, ys = [x for x, _ in line.points], [y for _, y in line.points]
    axes.plot(xs, ys, DASHES.get(line.kind, "-"), color=colour, linewidth=2, label=line.name, clip_on=False)
    if line.weights:
        heaviest = max(line.weights)
        areas = [max(20.0, _HEAVIEST * weight / heaviest) for weight in line.weights]
        axes.scatter(xs, ys, areas, color=colour, alpha=0.75, linewidth=0, clip_on=False)


@styled
def draw_bars(chart: BarChart, title: str) -> Figure:
    """Bars with their figures, intervals and marks."""
    figure, axes = _rows([bar.label for bar in chart.bars], 22, title)
    colours = [KINDS.get(bar.kind, CONTROL) for bar in chart.bars]
    axes.barh(range(len(chart.bars)), [bar.value or 0.0 for bar in chart.bars], 0.65, color=colours)
    for row, bar in enumerate(chart.bars):
        _write_at_right(axes, row, f"{write(bar.value, chart.digits)} {bar.note}")
        if bar.interval:
            axes.plot(bar.interval, [row, row], color=INK, linewidth=1.6)
        if bar.mark is not None:
            axes.vlines(bar.mark, row - 0.4, row + 0.4, color=INK, linewidth=2)
    axes.set_xlim(chart.axis.low, chart.axis.high)
    axes.set_xlabel(f"tick: {chart.mark}" if chart.has_marks else "")
    return figure


@styled
def draw_stacks(stacks: list[dict[str, Any]], title: str) -> Figure:
    """Shares of the levels per source, with their mean."""
    figure, axes = _rows([stack["source"] for stack in stacks], 26, title)
    for row, stack in enumerate(stacks):
        _write_at_right(axes, row, stack["mean"])
        for part in stack["parts"]:
            level, start, width = part["level"], part["start"], part["width"]
            colour = COLOURS.get(f"level-{level.lower()}", COLOURS["level-other"])
            axes.barh(row, width, 0.85, start, color=colour)
            if width > 7:
                ink = "white" if level in ("A", "D") else INK
                axes.text(start + width / 2, row, f"{level} {part['count']}", ha="center", va="center", color=ink)
    axes.set_xlim(0, 100)
    return figure


@styled
def draw_confusion(matrix: Confusion, title: str) -> Figure:
    """Counts on cells that are the darker, the greater their share of the row."""
    figure, axes = _rows([name for name, _ in matrix.rows], 36, title)
    shares = [[0.75 * share for _, share in cells] for _, cells in matrix.rows]
    places = range(len(matrix.columns)), range(len(matrix.rows))
    axes.pcolormesh(*places, shares, cmap=_SHADES, vmin=0, vmax=1, edgecolor=COLOURS["page"], linewidth=2)
    for row, (_, cells) in enumerate(matrix.rows):
        for column, (count, _) in enumerate(cells):
            axes.text(column, row, str(count), ha="center", va="center")
    axes.set_xticks(places[0], matrix.columns)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    return figure


def _rows(labels: Sequence[str], height: float, title: str) -> tuple[Figure, Axes]:
    """An empty figure with so many points for each labelled row, the first on top."""
    figure, (axes,) = make_panels(1, 520 / _INCH, (60 + height * len(labels)) / _INCH)
    _add_title(figure, title)
    axes.set_yticks(range(len(labels)), labels, color=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="x", labelbottom=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(False)
    return figure, axes


def _write_at_right(axes: Axes, row: int, text: str) -> None:
    """Text at the right of a row."""
    axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center")


def _add_title(figure: Figure, title: str) -> None:
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold", color=INK)
    figure.set_facecolor(COLOURS["page"])
