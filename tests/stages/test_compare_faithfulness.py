"""The stage on two sources' rows as the stage before writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.stages import compare_faithfulness, faithfulness
from tests.stages.test_faithfulness import SETTINGS, RecordedRun, project  # noqa: F401  (a fixture)


@pytest.fixture
def sources() -> Any:
    """The settings of two sources."""
    return replace(SETTINGS, explain=replace(SETTINGS.explain, sources=["both", "none"]))


def test_pairs_are_written_and_logged(project: Path, sources: Any) -> None:  # noqa: F811
    records = store.read_explanations("both")
    store.write_explanations(
        "none", [replace(record, source="none", text="Maybe.", citations=[], verdict=None) for record in records]
    )
    for source in ("both", "none"):
        faithfulness.run(SETTINGS, RecordedRun(), source)  # type: ignore[arg-type]
    run = RecordedRun()
    compare_faithfulness.run(sources, run)  # type: ignore[arg-type]
    assert run.paths[:2] == [store.faithfulness_rows("both"), store.faithfulness_rows("none")]
    figures = store.read_json(store.FAITHFULNESS_PAIRS_METRICS)
    assert list(figures) == ["both-none"]
    agreement = figures["both-none"]["verdict_agreement"]
    assert (agreement["n"], agreement["difference"]) == (3, 1.0)
    assert figures["both-none"]["comprehensiveness_mask"] == {
        "n": 0,
        "difference": None,
        "difference_interval": None,
        "p_value": None,
    }
    assert run.metrics == figures and run.paths[2:] == [store.FAITHFULNESS_PAIRS_METRICS]


def test_rows_of_an_older_version_are_one_clear_line(project: Path, sources: Any) -> None:  # noqa: F811
    store.write_explanations("none", store.read_explanations("both"))
    for source in ("both", "none"):
        faithfulness.run(SETTINGS, RecordedRun(), source)  # type: ignore[arg-type]
    rows = store.read_parquet(store.faithfulness_rows("none"))
    store.write_parquet(store.faithfulness_rows("none"), rows.drop(columns=["del_mask_cited"]))
    with pytest.raises(InputError, match="faithfulness_none.parquet: has no column 'del_mask_cited'"):
        compare_faithfulness.run(sources, RecordedRun())  # type: ignore[arg-type]
    assert not store.FAITHFULNESS_PAIRS_METRICS.exists()
