from __future__ import annotations

from pathlib import Path

from recexplainer import store
from recexplainer.stages import evaluate_baselines
from tests import tiny


def test_it_writes_the_same_metrics_for_every_baseline(empty_project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    run = tiny.RecordedRun()
    evaluate_baselines.run(tiny.settings(), run)  # type: ignore[arg-type]
    metrics = store.read_json(store.ALIGNMENT_BASELINES_METRICS)
    assert metrics == run.metrics and list(metrics) == ["random", "popularity", "student"]
    for of_one in metrics.values():
        assert list(of_one) == ["next_item_retrieval", "item_ranking", "interest_classification"]
        assert all(-1 <= value <= 1 for values in of_one.values() for value in values.values())
    evaluate_baselines.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert store.read_json(store.ALIGNMENT_BASELINES_METRICS) == metrics
