from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer.api.cache import AnswerCache
from recexplainer.api.request import ApiSettings
from recexplainer.core.errors import InputError
from recexplainer.core.statistics.agreement import krippendorff_alpha
from recexplainer.judging.api import judge_by_api
from recexplainer.judging.repeats import repeat_figures
from tests.api.fake_server import FakeServer, Reply, error, level
from tests.api.questions import settings_for


def ask(server: FakeServer, cache: Path, n_repeats: int, **changes: Any) -> Any:
    settings: ApiSettings = settings_for(server.base_url, **changes)
    requests = [[{"role": "user", "content": text}] for text in ("x", "y")]
    with AnswerCache(cache) as answers:
        return judge_by_api(requests, settings, answers, n_repeats)


def by_seed(message: str, earlier: int, body: dict[str, Any]) -> Reply:
    return level("ABCD"[body["seed"] - 7] if message == "x" else "D")


def test_each_time_has_its_seed_and_the_first_counts(server: FakeServer, tmp_path: Path) -> None:
    server.reply = by_seed
    result = ask(server, tmp_path / "cache", 3)
    assert [[grade.level for grade in found] for found in result.repeats] == [["A", "B", "C"], ["D"] * 3]
    assert [grade.level for grade in result.grades] == ["A", "D"]
    assert sorted(body["seed"] for body in server.bodies) == [7, 7, 8, 8, 9, 9]
    assert (result.asked.n_calls, result.asked.prompt_tokens) == (6, 600)


def test_more_repeats_ask_only_what_is_new(server: FakeServer, tmp_path: Path) -> None:
    server.reply = by_seed
    ask(server, tmp_path / "cache", 1)
    result = ask(server, tmp_path / "cache", 2)
    assert (result.asked.n_calls, result.asked.n_from_cache) == (2, 2)
    assert ask(server, tmp_path / "cache", 2).asked.n_calls == 0


def test_repeats_count_before_anything_is_asked(server: FakeServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_calls is 5, but 6"):
        ask(server, tmp_path / "cache", 3, max_calls=5)
    assert not server.bodies


def test_a_repeat_may_fail_alone(server: FakeServer, tmp_path: Path) -> None:
    server.reply = lambda message, earlier, body: error(500) if body["seed"] == 8 else level("C")
    result = ask(server, tmp_path / "cache", 2, max_attempts=2)
    assert [[grade.level for grade in found] for found in result.repeats] == [["C", "failed"]] * 2


def test_repeats() -> None:
    levels = [["A", "A", "A"], ["C", "D", "C"], ["B", "failed", "B"], ["D", "D", "D"]]
    found = repeat_figures(levels)
    assert (found["n"], found["same"]) == (3, 2 / 3)
    scores = [[0, 0, 0], [2, 3, 2], [1, np.nan, 1], [3, 3, 3]]
    assert found["alpha_ordinal"] == pytest.approx(krippendorff_alpha(scores, "ordinal"))
    assert repeat_figures([]) == {"n": 0, "same": None, "alpha_ordinal": None}
