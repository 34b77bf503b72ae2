"""The report's figures as the stage writes them."""

from recexplainer.core.figures import to_svg
from recexplainer.report.figures import draw_figures


def build_figures(inputs):
    """SVG texts by file name."""
    return {f"{name}.svg": to_svg(figure) for name, figure in draw_figures(inputs).items()}
