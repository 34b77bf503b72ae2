from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.budget import Budget, estimate_prompt_tokens
from recexplainer.api.request import Prices
from recexplainer.core.errors import InputError
from tests.api.fake_server import FakeServer, completion, error, level
from tests.api.questions import settings_for
from tests.api.test_client import ask

PRICES = Prices(prompt=1e6, completion=1e6)  # one coin a token


def budget(**changes: Any) -> Budget:
    values: dict[str, Any] = {"max_calls": 10, "prices": PRICES, "max_answer_tokens": 20}
    return Budget(settings_for(None, **(values | changes)))


def test_the_estimate_is_a_line() -> None:
    assert budget(prices=None).check(["x" * 28, "x" * 28]) == (
        "2 request(s) to send, about 20 prompt tokens, at most 40 completion tokens"
    )
    assert budget().check(["x" * 28]).endswith(", costing at most about 30")


def test_what_cannot_suffice_is_refused_before() -> None:
    with pytest.raises(InputError, match=r"max_calls is 1, but 2 requests .* \(nothing was sent\)"):
        budget(max_calls=1).check(["x", "y"])
    with pytest.raises(InputError, match=r"max_cost is 29, .* up to about 30; raise it \(nothing was sent\)"):
        budget(max_cost=29.0).check(["x" * 28])


def test_requests_under_way_count_in_full() -> None:
    bounds = budget(max_cost=70.0)
    first = bounds.take("x" * 28, 0)
    second = bounds.take("x" * 28, 0)
    assert (first, second) == (30, 30)
    with pytest.raises(InputError, match=r"judge.max_cost \(70\) is exhausted after 3 answers, which are kept"):
        bounds.take("x" * 28, 3)
    bounds.settle(first, {"prompt_tokens": 8, "completion_tokens": 2})
    bounds.settle(second, None, free=True)
    assert (bounds.spent, bounds.n_calls) == (10, 2)
    bounds.settle(bounds.take("x" * 28, 1), None)  # a time-out: it may have been paid
    bounds.settle(bounds.take("", 1), {"prompt_tokens": None, "completion_tokens": None})  # the server counts nothing
    assert bounds.spent == 10 + 30 + 21


def test_odd_text_can_be_estimated() -> None:
    assert estimate_prompt_tokens("\ud800") == 1
    assert estimate_prompt_tokens("日本語") == 4


def test_money_is_counted_and_bounded(server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"x{number}" for number in range(5)]
    result = ask(server, texts, tmp_path / "free")
    assert result.cost is None
    assert "pay" not in capsys.readouterr().err
    result = ask(server, texts, tmp_path / "paid", prices=PRICES)
    assert result.cost == 5 * 107
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("judge: 5 request(s) to send, about ") and ", costing at most about " in lines[0]
    assert lines[1] == "judge: 5 request(s) sent, 5 answered, 0 failed, 535 spent"
    kept = {name: (tmp_path / name).read_text().splitlines() for name in ("free", "paid")}
    assert [json.loads(line).get("cost") for line in kept["free"] + kept["paid"]] == [None] * 5 + [107] * 5
    again = ask(server, texts, tmp_path / "paid", prices=PRICES, max_cost=0.0)
    assert (again.cost, again.prompt_tokens) == (0, 500)  # nothing to ask, nothing to pay
    n_before = server.asked.total()
    with pytest.raises(InputError, match="max_cost is 300, but 5 requests"):
        ask(server, texts, tmp_path / "new", prices=PRICES, max_cost=300.0)
    assert server.asked.total() == n_before


def test_repeats_end_at_the_bound_and_keep_the_answers(server: FakeServer, tmp_path: Path) -> None:
    """Answers that are no JSON were paid for all the same."""
    server.reply = lambda message, *_: level("D") if message != "bad" else completion(None, usage=False)
    kept = ask(server, ["a", "b"], tmp_path / "cache", prices=PRICES, max_cost=2000.0)
    server.reply = lambda *_: (200, {"Content-Type": "application/json"}, b"{")
    with pytest.raises(InputError, match=r"max_cost \(600\) is exhausted after 0 answers"):
        ask(server, ["a", "b", "c"], tmp_path / "cache", prices=PRICES, max_cost=600.0, max_attempts=50)
    assert server.asked["c"] < 6
    server.reply = lambda *_: error(500)
    n_before = server.asked.total()
    result_cost = ask(server, ["a", "b"], tmp_path / "cache", prices=PRICES).cost
    assert (kept.cost, result_cost, server.asked.total()) == (214, 0, n_before)
