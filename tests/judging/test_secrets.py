"""The key reaches the server and nothing else, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from recexplainer import store
from recexplainer.api import request as api_request
from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings
from recexplainer.stages import judge
from tests.api.fake_server import RESET, FakeServer, completion, cut, error, level, raw
from tests.conftest import REPOSITORY
from tests.faithfulness.fakes import make_games, make_record

PARAMS = REPOSITORY / "params.yaml"
KEY = "sk-Not0A1Real2Key3"
REPLIES = {
    "good": level("D"),
    "echo": completion(f'{{"rationale": "Authorization: Bearer {KEY}", "level": "C"}}'),
    "echo-prose": completion(f"Your key is {KEY}."),
    "echo-401": error(401, f"Incorrect API key provided: {KEY}"),
    "echo-400": error(400, f"api-key={KEY}"),
    "echo-late": error(500, "x" * 190 + KEY),  # a message is cut: not through a key
    "echo-html": raw(f"<html>{KEY}</html>".encode(), "text/html"),
    "429": error(429),
    "reset": RESET,
    "broken": None,
    "cut": cut(b'{"id": "c", "choi'),
    "empty": raw(b'{"id": "c", "object": "chat.completion", "choices": []}'),
}


@pytest.mark.parametrize("name", REPLIES)
def test_the_key_is_written_nowhere(project: Path, server: FakeServer, watch: Watch, name: str) -> None:
    server.reply = lambda *_: REPLIES[name]
    traced: list[Any] = []

    class Run:
        def __getattr__(self, name: str) -> Any:
            return lambda *values: traced.append(values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "log_explanation_traces", lambda *given: traced.append(given))
        try:
            judge.run(load_settings(PARAMS, assignments(server)), Run(), "both")  # type: ignore[arg-type]
        except InputError:
            traced.append(traceback.format_exc())  # with the exceptions behind it
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    watch.check(project, str(traced))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("echo", 0), ("echo-prose", 0), ("echo-401", 2)])
def test_nor_by_the_command_with_its_run_and_traces(
    project: Path, server: FakeServer, watch: Watch, name: str, code: int
) -> None:
    server.reply = lambda *_: REPLIES[name]
    words = [word for text in assignments(server) for word in ("-S", text)]
    assert judge.main(["--source", "both", "--params", str(PARAMS), *words]) == code
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert (project / "mlflow.db").is_file()
    watch.check(project)


class Watch:
    """All that is written and said, searched for the key."""

    def __init__(self, output: pytest.CaptureFixture[str], logs: pytest.LogCaptureFixture) -> None:
        self._output = output
        self._logs = logs
        for logger in (None, "openai", "httpx", "httpx2", "httpcore", "httpcore2"):
            logs.set_level(logging.DEBUG, logger=logger)

    def check(self, folder: Path, more: str = "") -> None:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert (folder / "cache" / "judge_both.jsonl") in files
        assert [path for path in files if KEY.encode() in path.read_bytes()] == []
        captured = self._output.readouterr()
        assert "judge: 2 request(s) to send" in captured.err
        assert KEY not in captured.out + captured.err + self._logs.text + more


@pytest.fixture
def watch(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Watch:
    return Watch(capfd, caplog)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> Path:
    """A catalogue, two explanations, and a judge with little patience."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(api_request, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(api_request, "MAX_ATTEMPTS", 2)
    store.write_catalogue(make_games().frame)
    store.write_explanations("both", [make_record(explanation_id=word, text=f"Yes. {word}") for word in ("a", "b")])
    return tmp_path


def assignments(server: FakeServer) -> list[str]:
    return ["judge.backend=api", f"judge.base_url={server.base_url}", "judge.model=m", "judge.patience_seconds=0.05"]
