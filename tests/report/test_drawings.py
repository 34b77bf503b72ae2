import re
import xml.etree.ElementTree as ElementTree
from importlib import resources

import numpy as np
from matplotlib.colors import to_hex

from recexplainer.core.figures import COLOURS
from recexplainer.report.charts import Axis, Bar, chart
from recexplainer.report.drawings import draw_bars, draw_confusion, draw_lines, draw_stacks, inline_lines
from recexplainer.report.lines import Line, LineChart
from recexplainer.report.sections.common import Confusion


def make_curves(title="T", weights=None, diagonal=False):
    cited = Line("cited", "both", [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)], weights)
    random = Line("random", "random", [(0.0, 1.0), (1.0, 1.0)])
    return LineChart(title, [random, cited], "share", "p", Axis(0.0, 2.0), diagonal=diagonal)


def test_curves_keep_their_points_axis_and_names():
    figure = draw_lines(make_curves(), "T")
    axes = figure.axes[0]
    assert axes.get_ylim() == (0.0, 2.0) and axes.get_xlim() == (0.0, 1.0)
    assert axes.lines[1].get_xydata().tolist() == [[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]]
    assert [to_hex(line.get_color()) for line in axes.lines] == [COLOURS["control"], COLOURS["both"]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["random", "cited"]


def test_areas_of_dots_are_shares_of_the_heaviest():
    (dots,) = draw_lines(make_curves(weights=[100, 25, 1]), "T").axes[0].collections
    assert dots.get_sizes().tolist() == [250.0, 62.5, 20.0]  # the least can still be seen


def test_curves_in_the_page_take_the_colours_of_its_scheme():
    text = inline_lines(make_curves(diagonal=True, weights=[3, 2, 1], title='a "b" <c>'))
    drawing = ElementTree.fromstring(text)
    assert drawing.attrib["aria-label"].startswith('a "b" <c>. p by share')
    assert "var(--both)" in text and "var(--control)" in text and "var(--soft)" in text
    assert not re.search("#[0-9a-f]{6}[^0-9a-f]", text)
    assert ' id="figure' not in text and "<style" not in text  # a style would be the whole page's


def test_the_page_has_every_colour_of_the_drawings():
    style = resources.files("recexplainer.report").joinpath("templates", "page.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#\w+);", style.split("@media")[0]))
    assert {name: light[name] for name in COLOURS} == COLOURS


def test_bars_stand_from_top_to_bottom_with_figure_interval_and_mark():
    bars = [
        Bar("a", 0.5, "both", interval=(0.4, 0.7), mark=0.9),
        Bar("b", None),
        Bar("c", -0.25, "control x", note="(n)"),
    ]
    axes = draw_bars(chart("T", bars, mark="paper"), "T").axes[0]
    assert [patch.get_width() for patch in axes.patches] == [0.5, 0.0, -0.25]
    assert [to_hex(patch.get_facecolor()) for patch in axes.patches] == [
        COLOURS[n] for n in ("both", "strong", "control")
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.yaxis_inverted() and axes.get_xlim() == (-0.25, 0.9)
    assert axes.lines[0].get_xdata().tolist() == [0.4, 0.7]
    assert axes.collections[0].get_segments()[0][:, 0].tolist() == [0.9, 0.9]
    assert axes.get_xlabel() == "tick: paper"
    assert [text.get_text().split()[-1] for text in axes.texts] == ["0.500", "–", "(n)"]


def test_levels_are_stacked_and_named_where_there_is_room():
    parts = [
        {"level": "A", "start": 0.0, "width": 95.0, "count": 19},
        {"level": "failed", "start": 95.0, "width": 5.0, "count": 1},
    ]
    axes = draw_stacks([{"source": "both", "parts": parts, "mean": "1.05"}], "T").axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(0.0, 95.0), (95.0, 5.0)]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [COLOURS["level-a"], COLOURS["level-other"]]
    assert [text.get_text() for text in axes.texts] == ["1.05", "A 19"]


def test_cells_are_the_darker_the_greater_their_share():
    matrix = Confusion("T", ["x", "y"], [("x", [(3, 0.75), (1, 0.25)]), ("y", [(0, 0.0), (2, 1.0)])])
    axes = draw_confusion(matrix, "T").axes[0]
    np.testing.assert_allclose(axes.collections[0].get_array(), [[0.5625, 0.1875], [0.0, 0.75]])
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [
        ((0, 0), "3"), ((1, 0), "1"), ((0, 1), "0"), ((1, 1), "2"),
    ]  # fmt: skip
