from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.stages import generate_demo
from tests import tiny

SMALL = ("generate_demo.n_users=6", "generate_demo.n_items=60")


def test_it_writes_the_raw_files_anew(empty_project: Path) -> None:
    store.RAW_DEMO.mkdir(parents=True)
    (store.RAW_DEMO / "left_over.json").write_text("{}")
    run = tiny.RecordedRun()
    generate_demo.run(tiny.settings(*SMALL), run)  # type: ignore[arg-type]
    names = ("reviews.json.gz", "meta.json.gz", "dialogues.json", store.RAW_DEMO_CAUSES.name)
    assert {path.name for path in store.RAW_DEMO.iterdir()} == set(names)
    assert run.metrics["n_items"] == 60 and run.metrics["n_reviews"] >= 54 and run.metrics["n_dialogues"] == 400


def test_a_world_that_is_too_small_is_one_clear_line(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_demo.main(["-S", "generate_demo.n_items=20"]) == 2
    error = capsys.readouterr().err
    assert (
        error == "error: params.yaml: generate_demo.n_items must be at least 60 (or users run out of games), not 20\n"
    )
    assert not store.RAW_DEMO.exists()
