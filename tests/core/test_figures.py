import xml.etree.ElementTree as ElementTree

from recexplainer.core.figures import make_panels, styled, to_svg


@styled
def draw(label="p"):
    figure, (axes,) = make_panels(1)
    axes.plot([0, 1], [1, 0], marker="o")
    axes.set_ylabel(label)
    return figure


def test_equal_figures_are_equal_texts_that_ask_no_network():
    text = to_svg(draw())
    assert text == to_svg(draw())
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_name_is_text_and_never_a_formula():
    assert "a $1 &lt;b&gt; $x^ &amp;" in to_svg(draw("a $1 <b> $x^ &"))


def test_panels_stand_beside_each_other():
    figure, panels = make_panels(3, 2.0, 1.5)
    assert len(panels) == 3 and tuple(figure.get_size_inches()) == (6.0, 1.5)
