from recexplainer.report.charts import Axis, Bar, chart


def test_axis_always_holds_zero_all_values_and_the_wanted_ends():
    assert Axis.spanning([0.2, None, 0.5]) == Axis(0.0, 0.5)
    assert Axis.spanning([0.2], high=1.0) == Axis(0.0, 1.0)
    assert Axis.spanning([-0.5, -0.1]) == Axis(-0.5, 1.0)
    assert Axis.spanning([]) == Axis(0.0, 1.0)


def test_bars_grow_from_zero_to_either_side():
    drawn = chart("x", [Bar("up", 3.0), Bar("down", -1.0), Bar("none", None)])
    up, down, none = drawn.bars
    assert (drawn.start(up), drawn.width(up)) == (25.0, 75.0)
    assert (drawn.start(down), drawn.width(down)) == (0.0, 25.0)
    assert drawn.width(none) == 0.0


def test_axis_spans_intervals_and_marks():
    drawn = chart("x", [Bar("a", 0.5, interval=(0.4, 2.0)), Bar("b", 0.1, mark=4.0)])
    assert drawn.axis == Axis(0.0, 4.0)
    assert drawn.has_marks
    assert not chart("x", [Bar("a", 0.5)]).has_marks


def test_what_lies_beyond_the_axis_ends_at_its_end():
    assert Axis(-0.5, 1.0).at(-7.0) == 0.0
    assert Axis(-0.5, 1.0).at(7.0) == 100.0
