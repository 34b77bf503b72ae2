"""A thousand requests, a server that fails three calls in ten in six ways, a client that is killed three times."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.budget import estimate_prompt_tokens
from recexplainer.api.cache import AnswerCache
from recexplainer.api.request import ApiSettings, Prices
from tests.api.fake_server import RESET, FakeServer, Reply, cut, error, level, raw
from tests.api.questions import FORMAT, ask, key_of, levels, settings_for
from tests.conftest import REPOSITORY

N, N_KILLS, CONCURRENCY = 1000, 3, 16
TIMEOUT_SECONDS = 1.0
PRICES = Prices(prompt=2.0, completion=8.0)
TEXTS = [f"explanation {number}" for number in range(N)]
FAILURES: dict[str, Reply] = {
    "429": error(429),
    "500": error(500),
    "time-out": level("A"),  # but too late
    "truncated": cut(b'{"id": "c", "choices": [{"mess'),
    "malformed": raw(b'{"id": "c", "object": "chat.completion", "choices": []}'),
    "no answer": RESET,
}
NOT_PAID = ("429", "500")  # of all others nobody knows: they count as paid in full


def fate(message: str, earlier: int) -> str:
    """How a call ends: in one of the six ways in three of ten cases, drawn by hash, else well."""
    draw = int.from_bytes(hashlib.sha256(f"{message} {earlier}".encode()).digest()[:4], "big") / 2**32
    return list(FAILURES)[int(draw / 0.3 * len(FAILURES))] if draw < 0.3 else "answered"


def tokens(message: str) -> tuple[int, int]:
    number = int(message.split()[1])
    return 90 + number % 37, 5 + number % 11


class Ledger:
    """The server's own account: how every call ended, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []  # message, fate

    def reply(self, message: str, earlier: int, body: dict[str, Any]) -> Reply:
        ending = fate(message, earlier)
        self.calls.append((message, ending))
        time.sleep(1.5 * TIMEOUT_SECONDS if ending == "time-out" else 0.002)
        return FAILURES[ending] if ending in FAILURES else level("ABCD"[len(message) % 4], tokens(message))


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_is_asked_twice(server: FakeServer, tmp_path: Path) -> None:
    ledger, cache = Ledger(), tmp_path / "cache"
    server.reply = ledger.reply
    settings = settings_for(
        server.base_url, max_calls=5000, concurrency=CONCURRENCY, max_attempts=6, timeout_seconds=TIMEOUT_SECONDS,
        prices=PRICES, max_cost=10.0,
    )  # fmt: skip
    asked_when_kept: dict[str, int] = {}  # how often the server had been asked what a killed run had kept
    for kill in range(1, N_KILLS + 1):
        killed_in_the_midst(server, settings, cache, n_asked=300 * kill)
        kept = kept_texts(cache, settings)
        assert len(kept) > 0.5 * 300 * kill
        asked_when_kept |= {text: server.asked[text] for text in kept if text not in asked_when_kept}
    began, n_kept = len(ledger.calls), len(kept)
    result = ask(TEXTS, cache, settings)
    calls = ledger.calls[began:]
    assert (result.n_calls, result.n_from_cache) == (len(calls), n_kept)
    assert result.cost == pytest.approx(sum(price(*call) for call in calls), rel=1e-9)
    failed = result.answers.count(None)
    assert failed < 10  # six failures in a row; the next run asks them again
    while failed:
        result = ask(TEXTS, cache, settings)
        failed = result.answers.count(None)

    assert levels(result) == ["ABCD"[len(text) % 4] for text in TEXTS]
    assert (result.prompt_tokens, result.completion_tokens) == tuple(map(sum, zip(*map(tokens, TEXTS), strict=True)))
    assert {text: server.asked[text] for text in asked_when_kept} == asked_when_kept
    answered = Counter(message for message, ending in ledger.calls if ending == "answered")
    assert answered.keys() == set(TEXTS)
    assert answered.total() - N <= N_KILLS * CONCURRENCY  # a kill loses the answers on their way, and no other
    endings = Counter(ending for _, ending in ledger.calls)
    assert all(endings[kind] > 30 for kind in FAILURES)
    assert 0.25 < 1 - endings["answered"] / endings.total() < 0.35
    again = ask(TEXTS, cache, settings)
    assert (again.n_calls, again.n_from_cache, again.cost) == (0, N, 0.0)


def killed_in_the_midst(server: FakeServer, settings: ApiSettings, cache: Path, n_asked: int) -> None:
    """Let another process ask until the server has had so many calls, and kill it."""
    known = asdict(settings)
    known["chosen"] |= dict.fromkeys(
        ("max_cost", "price_per_million_prompt_tokens", "price_per_million_completion_tokens")
    )
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT, json.dumps(known), str(cache), json.dumps(TEXTS)])
    deadline = time.monotonic() + 120
    while server.asked.total() < n_asked and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    time.sleep(1.5 * TIMEOUT_SECONDS + 0.2)  # the server is done with what was under way


def kept_texts(cache: Path, settings: ApiSettings) -> list[str]:
    with AnswerCache(cache) as answers:
        keys = {text: key_of(text, settings) for text in TEXTS}
        return [text for text, key in keys.items() if answers.get(key) is not None]


def price(message: str, ending: str) -> float:
    """What a call cost: its answer's tokens, nothing, or the most that it may have cost."""
    if ending == "answered":
        return PRICES.cost(*tokens(message))
    body = [[{"role": "user", "content": message}], FORMAT]
    return 0.0 if ending in NOT_PAID else PRICES.cost(estimate_prompt_tokens(body), 100)


_SCRIPT = f"""
import json, sys
sys.path[:0] = [{str(REPOSITORY / "src")!r}, {str(REPOSITORY)!r}]
from pathlib import Path
from recexplainer.api.request import ApiSettings
from tests.api.questions import Section, ask
how = json.loads(sys.argv[1])
how["chosen"] = Section(**how["chosen"])
ask(json.loads(sys.argv[3]), Path(sys.argv[2]), ApiSettings(**how))
"""
