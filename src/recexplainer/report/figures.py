"""The report's figures as files of their own, for DVC's plots: images need no scripts and show without a network."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from matplotlib.figure import Figure

from recexplainer.report.drawings import draw_bars, draw_confusion, draw_lines, draw_stacks
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.sections.common import Section
from recexplainer.report.sections.measured import measured_sections


def draw_figures(inputs: ReportInputs) -> dict[str, Figure]:
    """Every figure by its name.

    Args:
        inputs: What is there; what is missing gives no figure.
    """
    return {
        _file_name(title): draw(content, title)
        for name, section in measured_sections(inputs).items()
        for draw, content, title in _drawings(name, section)
    }


def _drawings(name: str, section: Section) -> Iterator[tuple[Callable[[Any, str], Figure], Any, str]]:
    """What draws, what is drawn and the title, of every drawing of a section."""
    for chart in section.charts:
        yield draw_bars, chart, f"{name}: {chart.title}"
    for variant, curves in (("", section.curves), (", closed up", section.hidden_curves)):
        for curve in curves:
            yield draw_lines, curve, f"{name}: {curve.title}{variant}"
    for matrix in section.confusions:
        yield draw_confusion, matrix, f"{name}: confusion, {matrix.title}"
    if stacks := section.extra.get("stacks"):
        yield draw_stacks, stacks, f"{name}: levels"


def _file_name(title: str) -> str:
    """A title as a file's name.

    >>> _file_name("faithfulness: both: deletion, closed up"), _file_name("alignment: Ranking, paper's gain")
    ('faithfulness-both-deletion-closed-up', 'alignment-ranking-paper-s-gain')
    """
    return re.sub(r"[^a-z0-9@]+", "-", unicodedata.normalize("NFKD", title).lower()).strip("-")
