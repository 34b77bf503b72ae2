from recexplainer.report.charts import Axis
from recexplainer.report.lines import BOTTOM, LEFT, RIGHT, TOP, Line, LineChart, round_ticks, tick_text


def make_chart(*lines, high=2.0):
    return LineChart("T", list(lines), "share", "p", Axis(0.0, high))


def test_corners_of_the_plot():
    chart = make_chart(Line("a", "both", [(0.0, 0.0), (1.0, 2.0)]))
    assert chart.path(chart.lines[0]) == f"{LEFT}.0,{BOTTOM}.0 {RIGHT}.0,{TOP}.0"
    assert chart.dots(chart.lines[0]) == []


def test_areas_of_dots_are_shares_of_the_heaviest():
    chart = make_chart(Line("a", "both", [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)], [100, 25, 1]))
    assert [radius for _, _, radius in chart.dots(chart.lines[0])] == [9.0, 4.5, 2.5]


def test_ticks_are_round_and_inside():
    for high in (0.0031, 0.047, 0.5, 1.0, 3.7, 120.0):
        ticks = round_ticks(0.0, high)
        assert 3 <= len(ticks) <= 7 and ticks[0] == 0 and ticks[-1] <= high * (1 + 1e-9)
    assert round_ticks(-0.02, 0.02) == [-0.02, -0.01, 0.0, 0.01, 0.02]
    assert [tick_text(tick) for tick in (-0.02, -3.0, 0.5)] == ["−.02", "−3", ".5"]


def test_curves_are_spoken_by_their_ends():
    chart = make_chart(Line("cited", "both", [(0.0, 0.0812), (1.0, 0.01)]), Line("none", "none", []))
    assert chart.spoken == "T. p by share: cited from 0.0812 to 0.01"
