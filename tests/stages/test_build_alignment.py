from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.stages import build_alignment
from tests import tiny


def test_it_writes_examples_and_vectors_and_counts_them(empty_project: Path) -> None:
    tiny.write_prepared()
    run = tiny.RecordedRun()
    build_alignment.run(tiny.settings(), run)  # type: ignore[arg-type]
    examples, vectors = store.read_alignment()
    assert max(example.vector_row for example in examples) == len(vectors) - 1 == 19
    assert min(example.vector_row for example in examples if example.user_id) == 0
    assert run.metrics["item_ranking/train"] == 2 * 12 and run.metrics["item_ranking/test"] == 4
    assert sum(run.metrics.values()) == len(examples)
    assert run.datasets == [store.INTERACTIONS, store.CATALOGUE, store.USERS]
    before = {path.name: path.read_bytes() for path in store.ALIGNMENT.iterdir()}
    build_alignment.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert before == {path.name: path.read_bytes() for path in store.ALIGNMENT.iterdir()}


def test_a_missing_recommender_is_one_clear_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_prepared()
    (store.RECOMMENDER / "config.json").unlink()
    assert build_alignment.main([]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: models/recommender/config.json: not found; run the stage train_recommender")
    assert not store.ALIGNMENT.exists()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("positions_per_user=0", "positions_per_user must be at least 1"),
        ("like_top=0.6", "like_top + dislike_bottom must be at most 1, not 1.1"),
        ("n_candidates=6", "n_candidates must be 2 to 5"),
        ("min_history=99", "no train user has 99 interactions"),
    ],
)
def test_bad_settings_are_one_clear_line(
    project: Path, capsys: pytest.CaptureFixture[str], assignment: str, message: str
) -> None:
    tiny.write_prepared()
    assert build_alignment.main(["-S", f"build_alignment.{assignment}"]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
