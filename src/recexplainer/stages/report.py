"""Write the report: one HTML file of every figure and explained cases."""

from __future__ import annotations

import sys

from recexplainer import store
from recexplainer.report.inputs import read_inputs
from recexplainer.report.page import build_page
from recexplainer.settings import Settings
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Read what there is of metrics and results; write ``report/index.html``."""
    page = build_page(read_inputs(settings), settings.report.n_cases)
    with store.atomic_path(store.REPORT) as temporary:
        temporary.write_text(page, encoding="utf-8")
    run.log_artifact(store.REPORT)


main = stage_main("report", run)

if __name__ == "__main__":
    sys.exit(main())
