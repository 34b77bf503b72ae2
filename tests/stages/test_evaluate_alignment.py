from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.stages import evaluate_alignment
from tests import tiny


def test_the_unaligned_base_is_asked_the_test_examples(base: Path, empty_project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    run = tiny.RecordedRun()
    tiny.run_stage(evaluate_alignment.run, tiny.settings(f"llm.base={base}"), run, "none")
    metrics = store.read_json(store.alignment_metrics("none"))
    assert metrics == run.metrics and run.artifacts == [store.alignment_metrics("none")]
    assert metrics["n_examples"]["next_item_retrieval"] == 4
    rows = store.read_jsonl(store.alignment_answers("none"))
    assert len(rows) == sum(metrics["n_examples"].values())
    split = dict(zip(tiny.users()["user_id"], tiny.users()["split"], strict=True))
    assert {split[row["user_id"]] for row in rows if row["user_id"]} == {"test"}
    assert run.tags == {"base_llm": str(base)}
    histories = tiny.interactions()
    for row in (row for row in rows if row["task"] == "next_item_retrieval"):
        had = histories.sequence(row["user_id"])[: row["position"]]
        assert row["answer"] and not set(row["answer"]) & set(had.tolist())


def test_an_explainer_that_was_not_registered_is_one_clear_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    assert evaluate_alignment.main(["--source", "both"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error == "error: registry/explainer-both.json: no such pointer; register the model first (dvc repro)"
    assert not store.alignment_metrics("both").exists()


@pytest.mark.slow
def test_single_tasks_are_named_on_the_command_line(
    base: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    small = [part for assignment in (*tiny.SMALL, f"llm.base={base}") for part in ("-S", assignment)]
    tasks = "next_item_retrieval,user_summary"
    assert evaluate_alignment.main(["--source", "none", "--tasks", tasks, *small]) == 0
    metrics = store.read_json(store.alignment_metrics("none"))
    assert list(metrics) == ["next_item_retrieval", "user_summary", "n_examples"]
    assert evaluate_alignment.main(["--source", "none", "--tasks", "item_rankings", *small]) == 2
    said = capsys.readouterr().err
    assert "evaluate_alignment.tasks: a task must be one of" in said and "not 'item_rankings'" in said
    assert store.read_json(store.alignment_metrics("none")) == metrics
