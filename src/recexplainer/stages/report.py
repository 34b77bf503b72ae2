"""Write the report: one HTML file with all figures and explained cases, and the figures as SVG and PNG."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.figures import to_png, to_svg
from recexplainer.core.settings import Settings
from recexplainer.report.figures import draw_figures
from recexplainer.report.inputs import read_inputs
from recexplainer.report.page import build_page
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Read what there is of metrics and results; write ``report/index.html``, and its figures next to it."""
    inputs = read_inputs(settings)
    page = build_page(inputs, settings.report.n_cases)
    figures = draw_figures(inputs)
    store.write_text(store.REPORT, page)
    with store.atomic_path(store.REPORT_FIGURES) as folder, store.atomic_path(store.REPORT_IMAGES) as images:
        folder.mkdir()
        images.mkdir()
        for name, figure in figures.items():
            (folder / f"{name}.svg").write_text(to_svg(figure), encoding="utf-8")
            (images / f"{name}.png").write_bytes(to_png(figure))
    for written in (store.REPORT, store.REPORT_FIGURES, store.REPORT_IMAGES):
        run.log_artifact(written)


main = stage_main("report", run, sections=("evaluate_alignment.sources", "explain.sources"))
