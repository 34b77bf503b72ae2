from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.stages import build_alignment
from tests import tiny
from tests.api.conftest import forget_endpoints
from tests.api.fake_server import FakeServer, completion


def test_it_writes_examples_and_vectors_and_counts_them(empty_project: Path) -> None:
    tiny.write_prepared()
    run = tiny.RecordedRun()
    build_alignment.run(tiny.settings(), run)  # type: ignore[arg-type]
    data = store.read_alignment()
    examples, vectors = data.examples, data.user_vectors
    assert max(example.vector_row for example in examples) == len(vectors) - 1 == 19
    assert min(example.vector_row for example in examples if example.user_id) == 0
    assert run.metrics["item_ranking/train"] == 2 * 12 and run.metrics["item_ranking/test"] == 4
    assert sum(run.metrics.values()) == len(examples)
    assert run.datasets == [store.INTERACTIONS, store.CATALOGUE, store.USERS]
    before = {path.name: path.read_bytes() for path in store.ALIGNMENT.iterdir()}
    build_alignment.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert before == {path.name: path.read_bytes() for path in store.ALIGNMENT.iterdir()}


def test_summaries_by_a_model_are_taught_and_recorded(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_endpoints(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    tiny.write_prepared()
    where = "summaries"
    with FakeServer() as server:
        server.reply = lambda message, *_: completion(
            "This user likes games.", "length" if "- Fox (" in message else "stop"
        )
        given = (
            f"{where}.author=api",
            f"{where}.base_url={server.base_url}",
            f"{where}.model=some-writer",
            f"{where}.max_failed=0.9",
        )
        run = tiny.RecordedRun()
        build_alignment.run(tiny.settings(*given), run)  # type: ignore[arg-type]
    examples = store.read_alignment().examples
    written = [example for example in examples if example.task == "user_summary"]
    records = store.read_jsonl(store.ALIGNMENT_SUMMARIES)
    assert {example.author for example in written} == {"some-writer"} and run.tags == {"summaries": "some-writer"}
    taught = {(record["user_id"], record["position"]) for record in records if record["summary"]}
    assert taught == {(example.user_id, example.position) for example in written}
    counts = run.metrics["summaries"]
    assert (counts["n_written"], counts["n_failed"]) == (len(written), len(records) - len(written))
    assert counts["n_failed"] > 0 and counts["completion_tokens"] > 0
    assert "not-a-real-key" not in store.SUMMARIES_CACHE.read_text() + store.ALIGNMENT_SUMMARIES.read_text()


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
        ("n_candidates=6", "build_alignment.n_candidates must be at most 5, not 6"),
        ("min_history=99", "no train user has 99 interactions"),
    ],
)
def test_bad_settings_are_one_clear_line(
    project: Path, capsys: pytest.CaptureFixture[str], assignment: str, message: str
) -> None:
    tiny.write_prepared()
    assert build_alignment.main(["-S", f"build_alignment.{assignment}"]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
