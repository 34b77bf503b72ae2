"""The report's figures as files of their own, for DVC's plots: images need no scripts and show without a network."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from recexplainer.report import lines
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.page import make_environment
from recexplainer.report.sections.alignment import alignment_section
from recexplainer.report.sections.common import Section
from recexplainer.report.sections.discriminators import discriminators_section
from recexplainer.report.sections.faithfulness import faithfulness_section
from recexplainer.report.sections.judge import judge_section
from recexplainer.report.sections.recommender import recommender_section
from recexplainer.report.sections.verdict import verdict_section

COLOURS = {"behaviour": "#2f72d8", "intention": "#c4621c", "both": "#0c8a6a", "none": "#7d8591"}  # as in page.css
_TITLE_HEIGHT = 28


def build_figures(inputs: ReportInputs) -> dict[str, str]:
    """Every figure as an SVG text, by file name.

    Args:
        inputs: What is there; what is missing gives no figure.
    """
    sections = {
        "recommender": recommender_section(inputs.recommender),
        "alignment": alignment_section(inputs),
        "judge": judge_section(inputs),
        "verdict": verdict_section(inputs),
        "faithfulness": faithfulness_section(inputs),
        "discriminators": discriminators_section(inputs.discriminators),
    }
    template = make_environment().get_template("figure.svg.jinja")
    figures = {}
    for name, section in sections.items():
        for title, drawing in _drawings(name, section):
            text = template.render(title=title, colours=COLOURS, **drawing)
            figures[f"{_file_name(title)}.svg"] = text
    return figures


def _drawings(name: str, section: Section) -> list[tuple[str, dict[str, Any]]]:
    """Title and content of every drawing of a section."""
    found: list[tuple[str, dict[str, Any]]] = []
    for chart in section.charts:
        size = {"width": 520, "height": _TITLE_HEIGHT + 22 * len(chart.bars) + 24}
        found.append((f"{name}: {chart.title}", {"kind": "bars", "chart": chart, **size}))
    for variant, curves in (("", section.curves), (", closed up", section.hidden_curves)):
        for curve in curves:
            size = {"width": lines.WIDTH, "height": _TITLE_HEIGHT + lines.HEIGHT + 16 * len(curve.lines) + 4}
            found.append((f"{name}: {curve.title}{variant}", {"kind": "lines", "chart": curve, **size}))
    for matrix in section.confusions:
        size = {"width": 136 + 84 * len(matrix.columns), "height": _TITLE_HEIGHT + 30 + 36 * len(matrix.rows)}
        found.append((f"{name}: confusion, {matrix.title}", {"kind": "confusion", "matrix": matrix, **size}))
    if stacks := section.extra.get("stacks"):
        size = {"width": 490, "height": _TITLE_HEIGHT + 26 * len(stacks) + 8}
        found.append((f"{name}: levels", {"kind": "stacks", "stacks": stacks, **size}))
    return found


def _file_name(title: str) -> str:
    """A title as a file's name.

    >>> _file_name("faithfulness: both: deletion, closed up"), _file_name("alignment: Ranking, paper's gain")
    ('faithfulness-both-deletion-closed-up', 'alignment-ranking-paper-s-gain')
    """
    return re.sub(r"[^a-z0-9@]+", "-", unicodedata.normalize("NFKD", title).lower()).strip("-")
