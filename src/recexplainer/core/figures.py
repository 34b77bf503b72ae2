"""Figures by matplotlib in the project's colours, without a window or global state."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {  # of the page's light scheme: page.css has the same names
    "ink": "#1c1e22", "soft": "#5b626d", "line": "#e2e4e1", "track": "#f0f1ee", "page": "#fbfbf9",
    "accent": "#2563c9", "control": "#b9bec6", "strong": "#3d4756",
    "level-a": "#b3463b", "level-b": "#e3ab93", "level-c": "#a9c6ea", "level-d": "#2f72d8", "level-other": "#c9cdd3",
    "behaviour": "#2f72d8", "intention": "#c4621c", "both": "#0c8a6a", "none": "#7d8591", "template": "#8a5bbd",
}  # fmt: skip
INK, SOFT, LINE, STRONG, CONTROL = (COLOURS[name] for name in ("ink", "soft", "line", "strong", "control"))
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True, "axes.edgecolor": LINE, "axes.facecolor": "none", "axes.grid": True, "axes.grid.axis": "y",
    "axes.labelcolor": SOFT,
    "axes.spines.right": False, "axes.spines.top": False, "axes.titlecolor": INK, "axes.titlelocation": "left",
    "axes.titlesize": 11, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "grid.color": LINE,
    "legend.frameon": False, "svg.fonttype": "none", "svg.hashsalt": "recexplainer", "text.color": INK,
    "text.parse_math": False, "xtick.color": LINE, "xtick.labelcolor": SOFT, "ytick.color": LINE,
    "ytick.labelcolor": SOFT,
}  # fmt: skip

DPI = 150  # of PNG

styled = matplotlib.rc_context(STYLE)  # decorates what draws: names are never read as formulas


def make_panels(n: int, width: float = 5.2, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    """A figure with panels next to each other, each so many inches wide and high."""
    figure = Figure(figsize=(width * max(n, 1), height), layout="constrained")
    return figure, [figure.add_subplot(1, n, place) for place in range(1, n + 1)]


@styled
def to_svg(figure: Figure) -> str:
    """The figure as SVG whose text stays text: it asks no network, and equal figures give equal texts."""
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", metadata=nothing)
    text = re.sub(r"<defs>\s*<style.*?</defs>", "", written.getvalue(), count=1, flags=re.DOTALL)
    text = text.replace("xlink:href", "href").replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    return re.sub(r'<g id="[^"]*"', "<g", text[text.index("<svg") :])


@styled
def to_png(figure: Figure) -> bytes:
    """The figure as PNG on the page's background, for slides and documents; equal figures give equal bytes."""
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=DPI, facecolor=COLOURS["page"], metadata={"Software": None})
    return written.getvalue()
