from recexplainer.report.charts import Axis
from recexplainer.report.lines import Line, LineChart


def test_curves_are_spoken_by_their_ends():
    lines = [Line("cited", "both", [(0.0, 0.0812), (1.0, 0.01)]), Line("none", "none", [])]
    chart = LineChart("T", lines, "share", "p", Axis(0.0, 2.0))
    assert chart.spoken == "T. p by share: cited from 0.0812 to 0.01"
