"""Compare the sources' faithfulness in pairs, on the cases that both explain."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.faithfulness.pairs import compare_sources
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Read every source's rows; write ``metrics/faithfulness_pairs.json``."""
    rows = {
        source: store.read_parquet(store.faithfulness_rows(source), ("explanation_id", "label", "verdict"))
        for source in settings.explain.sources
    }
    figures = compare_sources(rows, settings.run.seed)
    for source in rows:
        run.log_dataset(store.faithfulness_rows(source), f"faithfulness-{source}", "evaluation")
    store.write_json(store.FAITHFULNESS_PAIRS_METRICS, figures)
    run.log_metrics(figures)
    run.log_artifact(store.FAITHFULNESS_PAIRS_METRICS)


main = stage_main("compare_faithfulness", run, sections=("explain.sources",))
