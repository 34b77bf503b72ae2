"""Write the report: one HTML file with all figures and explained cases, and the figures as images."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.report.figures import build_figures
from recexplainer.report.inputs import read_inputs
from recexplainer.report.page import build_page
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Read what there is of metrics and results; write ``report/index.html``, and its figures for DVC's plots."""
    inputs = read_inputs(settings)
    page = build_page(inputs, settings.report.n_cases)
    figures = build_figures(inputs)
    store.write_text(store.REPORT, page)
    with store.atomic_path(store.REPORT_FIGURES) as folder:
        folder.mkdir()
        for name, figure in figures.items():
            (folder / name).write_text(figure, encoding="utf-8")
    run.log_artifact(store.REPORT)
    run.log_artifact(store.REPORT_FIGURES)


main = stage_main("report", run, sections=("explain.sources",))
