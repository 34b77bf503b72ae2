from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.api import request as api_request
from recexplainer.core.errors import InputError
from recexplainer.stages import evaluate_baselines
from tests import tiny
from tests.api.conftest import forget_endpoints
from tests.api.fake_server import FakeServer, completion

pytestmark = pytest.mark.slow


def test_it_writes_the_same_metrics_for_every_baseline(empty_project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    run = tiny.RecordedRun()
    evaluate_baselines.run(tiny.settings(), run)  # type: ignore[arg-type]
    assert run.datasets == [store.ALIGNMENT]
    metrics = store.read_json(store.ALIGNMENT_BASELINES_METRICS)
    assert metrics == run.metrics and list(metrics) == ["random", "popularity", "student"]
    for of_one in metrics.values():
        assert list(of_one) == ["next_item_retrieval", "item_ranking", "interest_classification"]
        assert all(-1 <= value <= 1 for values in of_one.values() for value in values.values())
    evaluate_baselines.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert store.read_json(store.ALIGNMENT_BASELINES_METRICS) == metrics


IN_CONTEXT = "evaluate_baselines.in_context"


def test_llms_that_see_solved_questions_stand_beside_them(
    base: Path, empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_endpoints(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    tiny.write_prepared()
    tiny.write_alignment()
    given = [f"llm.base={base}", f"{IN_CONTEXT}.answerers=[none, api]", f"{IN_CONTEXT}.n_questions=3"]
    found = []
    with FakeServer() as server:
        server.reply = lambda *_: completion("Yes")
        given += [f"{IN_CONTEXT}.base_url={server.base_url}", f"{IN_CONTEXT}.model=some-model"]
        for n_calls in (9, 0):
            run = tiny.RecordedRun()
            evaluate_baselines.run(tiny.settings(*given), run)  # type: ignore[arg-type]
            found.append(store.read_json(store.ALIGNMENT_BASELINES_METRICS))
            assert run.metrics["api"]["n_calls"] == n_calls
    assert found[0] == found[1]
    assert list(found[0]) == ["random", "popularity", "student", "none_in_context", "api_in_context"]
    tasks = {"next_item_retrieval", "item_ranking", "interest_classification"}
    for name in ("none_in_context", "api_in_context"):
        assert tasks < set(found[0][name]) and found[0][name]["n_examples"] == dict.fromkeys(
            found[0][name]["n_examples"], 3
        )
    assert len(store.IN_CONTEXT_CACHE.read_text().splitlines()) == 9


def test_an_api_without_a_model_is_one_clear_line(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_request, "MAX_ATTEMPTS", 1)
    tiny.write_prepared()
    tiny.write_alignment()
    with pytest.raises(InputError, match="params: evaluate_baselines.in_context.model must name the server's model"):
        evaluate_baselines.run(tiny.settings(f"{IN_CONTEXT}.answerers=[api]"), tiny.RecordedRun())  # type: ignore[arg-type]
    assert not store.ALIGNMENT_BASELINES_METRICS.exists()
