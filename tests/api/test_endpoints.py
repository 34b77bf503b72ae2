from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recexplainer.api.client import Answers
from recexplainer.api.endpoints import Endpoint, Secrets, read_endpoints
from recexplainer.core.errors import InputError
from tests.api import questions
from tests.api.conftest import forget_endpoints
from tests.api.fake_server import FakeServer, Reply, error, level
from tests.api.questions import settings_for

UNREACHABLE = "http://127.0.0.1:9/v1"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeServer]]:
    """Two endpoints, by numbered variables."""
    forget_endpoints(monkeypatch)
    with FakeServer() as first, FakeServer() as second:
        for number, server in (("01", first), ("02", second)):
            monkeypatch.setenv(f"OPENAI_API_KEY_{number}", f"not-a-real-key-{number}")
            monkeypatch.setenv(f"OPENAI_API_BASE_{number}", server.base_url)
        yield [first, second]


def ask(n_requests: int, cache: Path, **changes: Any) -> Answers:
    return questions.ask([f"x{number}" for number in range(n_requests)], cache, settings_for(None, **changes))


def levels(found: Answers) -> set[str | None]:
    return set(questions.levels(found))


# --- what the environment says -------------------------------------------------------------------------------


def test_one_endpoint_has_no_number() -> None:
    environment = {"OPENAI_API_KEY": " k \n", "ENGINE": "", "OTHER_01": "x", "ENGINE_01": "stray"}
    assert read_endpoints("http://a/v1", "m", environment) == [Endpoint("", "open_ai", "http://a/v1", None, "m", "k")]
    environment |= {"OPENAI_API_BASE": "http://b/v1", "ENGINE": "e"}
    assert read_endpoints(None, "m", environment) == [Endpoint("", "open_ai", "http://b/v1", None, "e", "k")]
    assert read_endpoints("http://a/v1", "m", environment)[0].base_url == "http://a/v1"  # the parameter goes first


def test_numbered_endpoints_take_what_they_leave_out_from_the_rest() -> None:
    environment = {
        "OPENAI_API_KEY": "unused", "OPENAI_API_BASE": "https://r.example", "OPENAI_API_VERSION": "v1",
        "OPENAI_API_KEY_10": "k10", "OPENAI_API_TYPE_10": "AZURE", "ENGINE_10": "deployment",
        "OPENAI_API_KEY_02": "k2", "OPENAI_API_BASE_02": "http://two/v1",
        "OPENAI_API_KEY_03": " ",
    }  # fmt: skip
    assert read_endpoints(None, "m", environment) == [
        Endpoint("_02", "open_ai", "http://two/v1", "v1", "m", "k2"),
        Endpoint("_10", "azure", "https://r.example", "v1", "deployment", "k10"),
    ]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "judge uses a server and needs the environment variable OPENAI_API_KEY"),
        ({"OPENAI_API_KEY": "k", "OPENAI_API_BASE_02": "http://b"}, "OPENAI_API_BASE_02 is set but OPENAI_API_KEY_02"),
        ({"OPENAI_API_KEY": "k", "OPENAI_API_TYPE": "azur"}, "OPENAI_API_TYPE is 'azur'; did you mean 'azure'"),
        ({"OPENAI_API_KEY_01": "k", "OPENAI_API_TYPE_01": "azure"}, "which also needs OPENAI_API_BASE_01"),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_API_TYPE": "azure", "OPENAI_API_BASE": "https://r"},
            "which also needs OPENAI_API_VERSION",
        ),
        ({"OPENAI_API_KEY": "k", "OPENAI_API_BASE": "host:1/v1"}, "OPENAI_API_BASE .* must be an address"),
        ({"OPENAI_API_KEY": "k", "OPENAI_API_BASE": "http://host:99999999/v1"}, "must be an address"),
        ({"OPENAI_API_KEY_01": "secret secret"}, "OPENAI_API_KEY_01 contains spaces"),
        ({"OPENAI_API_KEY_01": "secret\nsecret"}, "OPENAI_API_KEY_01 contains spaces"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(environment: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_endpoints(None, "m", environment)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Incorrect API key provided: sk-ab***yz.", "Incorrect API key provided: [key]."),
        ("key 'sk-proj-ab**********************wxyz' is bad", "key '[key]' is bad"),
        ("key=sk-...wxyz", "key=[key]"),
        ("key (sk-proj…………)", "key ([key])"),
        ("key ●●●●wxyz", "key [key]"),
        ("wait ... or *** or sk-other***zz", "wait ... or *** or sk-other***zz"),
    ],
)
def test_a_key_that_a_server_masks_is_struck_out(text: str, hidden: str) -> None:
    secrets = Secrets()
    secrets.add("sk-ab0123456789xyz")
    secrets.add("sk-proj-ab0123456789wxyz")
    assert secrets.hide(text) == hidden


def test_a_key_is_not_shown_with_its_endpoint() -> None:
    assert "hidden" not in repr(Endpoint("", "open_ai", None, None, "m", "hidden"))


# --- Azure ---------------------------------------------------------------------------------------------------


def azure(servers: list[FakeServer], monkeypatch: pytest.MonkeyPatch, kind: str) -> FakeServer:
    for name in ("OPENAI_API_KEY_02", "OPENAI_API_BASE_02"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_BASE_01", servers[0].base_url.removesuffix("/v1"))
    monkeypatch.setenv("OPENAI_API_TYPE_01", kind)
    monkeypatch.setenv("OPENAI_API_VERSION_01", "2024-10-21")
    monkeypatch.setenv("ENGINE_01", "my-deployment")
    return servers[0]


def test_azure_with_a_key(servers: list[FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = azure(servers, monkeypatch, "azure")
    assert levels(ask(1, tmp_path / "cache")) == {"D"}
    assert server.paths == ["/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"]
    assert server.headers[0]["api-key"] == "not-a-real-key-01"


def test_azure_with_a_token(servers: list[FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = azure(servers, monkeypatch, "azure_ad")
    ask(1, tmp_path / "cache")
    assert server.headers[0]["authorization"] == "Bearer not-a-real-key-01"
    assert "api-key" not in server.headers[0]


def test_azure_with_the_identity_of_the_machine(
    servers: list[FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = azure(servers, monkeypatch, "azure_ad")
    monkeypatch.delenv("OPENAI_API_KEY_01")
    for name in ("azure", "azure.identity"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="azure-identity"):
        ask(1, tmp_path / "cache")

    tokens = iter(["fresh-token-of-azure", None])

    def provider() -> str:
        token = next(tokens)
        if token is None:
            raise RuntimeError("fresh-token-of-azure has expired")
        return token

    fake = types.ModuleType("azure.identity")
    fake.DefaultAzureCredential = object  # type: ignore[attr-defined]
    fake.get_bearer_token_provider = lambda credential, scope: provider  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "azure", types.ModuleType("azure"))
    monkeypatch.setitem(sys.modules, "azure.identity", fake)
    server.reply = lambda *_: error(401, "fresh-token-of-azure is too old")
    with pytest.raises(InputError, match=r"refuses the key in OPENAI_API_KEY_01 \(.*\[key\] is too old") as refused:
        ask(1, tmp_path / "cache")
    assert server.headers[0]["authorization"] == "Bearer fresh-token-of-azure"
    with pytest.raises(InputError, match=r"returns no token \(RuntimeError\)") as missing:
        ask(1, tmp_path / "cache")
    written = f"{refused.value} {missing.value} {capsys.readouterr()} {(tmp_path / 'cache').read_text()}"
    assert "fresh-token" not in written


# --- several at once -----------------------------------------------------------------------------------------


def test_the_work_is_spread(servers: list[FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_02", "its-own-name")
    for server in servers:
        server.delay_seconds = 0.15  # three calls overlap on a busy machine, too
    result = ask(40, tmp_path / "cache", concurrency=3)
    assert (levels(result), result.n_calls) == ({"D"}, 40)
    counts = [server.asked.total() for server in servers]
    assert sum(counts) == 40 and min(counts) >= 10
    assert [server.most_at_once for server in servers] == [3, 3]  # of each endpoint
    assert [{body["model"] for body in server.bodies} for server in servers] == [{"judge"}, {"its-own-name"}]
    for number, server in zip(("01", "02"), servers, strict=True):
        assert {headers["authorization"] for headers in server.headers} == {f"Bearer not-a-real-key-{number}"}
    assert ask(40, tmp_path / "cache").n_from_cache == 40  # whichever answers, the question is the same


@pytest.mark.parametrize("name", ["Retry_After", "retry_after_ms"])
def test_a_busy_endpoint_rests_alone_and_as_long_as_it_says(
    servers: list[FakeServer], tmp_path: Path, name: str
) -> None:
    asked_at: list[float] = []

    def busy_once(*_: Any) -> Reply:
        asked_at.append(time.monotonic())
        return error(429, **{name: "1" if name == "Retry_After" else "1000"}) if len(asked_at) == 1 else level("D")

    servers[0].reply = busy_once
    servers[1].delay_seconds = 0.05
    result = ask(50, tmp_path / "cache", concurrency=1, first_wait_seconds=0.001)
    assert (levels(result), result.n_calls) == ({"D"}, 51)
    assert asked_at[1] - asked_at[0] >= 1.0
    assert servers[1].asked.total() >= 8  # meanwhile the other one goes on


@pytest.mark.parametrize("failure", [error(401), error(403), error(404), error(402), "quota", "unreachable"])
def test_a_dead_endpoint_is_set_aside_and_the_other_goes_on(
    servers: list[FakeServer], tmp_path: Path, failure: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if failure == "unreachable":
        monkeypatch.setenv("OPENAI_API_BASE_01", UNREACHABLE)
    elif failure == "quota":
        status, headers, body = error(429) or (0, {}, b"")
        failure = status, headers, body.replace(b'"c"', b'"insufficient_quota"')
    servers[0].reply = lambda *_: failure
    servers[1].delay_seconds = 0.02
    result = ask(40, tmp_path / "cache", concurrency=2)
    assert levels(result) == {"D"}
    assert servers[1].asked == {f"x{number}": 1 for number in range(40)}
    assert servers[0].asked.total() <= 2  # what was under way
    assert servers[1].most_at_once == 2  # the other one is not asked faster for it
    lines = [line for line in capsys.readouterr().err.splitlines() if "set aside" in line]
    assert len(lines) == 1 and lines[0].endswith("1 other(s) continue")


def test_none_left(servers: list[FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers[0].reply = lambda message, *_: level("D") if message == "x0" else error(401)
    monkeypatch.setenv("OPENAI_API_BASE_02", UNREACHABLE)
    with pytest.raises(InputError, match="no endpoint is left: .*(OPENAI_API_KEY_01|cannot be reached)"):
        ask(20, tmp_path / "cache")
    servers[0].reply = lambda *_: level("D")
    result = ask(20, tmp_path / "cache", concurrency=1)
    assert (levels(result), result.n_from_cache) == ({"D"}, 1)  # what was paid is kept


def test_an_endpoint_that_comes_back_is_used_again(servers: list[FakeServer], tmp_path: Path) -> None:
    servers[0].reply = lambda message, earlier, body: error(500) if servers[0].asked.total() < 4 else level("D")
    servers[1].delay_seconds = 0.05
    assert levels(ask(30, tmp_path / "cache", concurrency=1)) == {"D"}
    assert servers[0].asked.total() > 10


def test_the_budget_is_of_all_endpoints_together(servers: list[FakeServer], tmp_path: Path) -> None:
    servers[0].reply = lambda *_: error(500)
    with pytest.raises(InputError, match=r"max_calls \(12\) is exhausted"):
        ask(10, tmp_path / "cache", max_calls=12, max_attempts=50)
    assert sum(server.asked.total() for server in servers) == 12
