"""Registering over HTTP: against a real tracking server on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from recexplainer.core.errors import InputError
from recexplainer.tracking import registry, runs, waiting
from tests.tracking.registry.score_predictor import NAME, ROLE, register

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def server(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on the project's database; its artefacts lie in ``stored``."""
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    command += ["--backend-store-uri", f"sqlite:///{project / 'mlflow.db'}", "--workers", "1"]
    command += ["--artifacts-destination", str(project / "stored")]
    process = subprocess.Popen(command, env=os.environ | {"NO_PROXY": "*"}, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_healthy(address, process)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=60)


def wait_until_healthy(address: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 200
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    process.kill()
    pytest.fail(f"the server did not come up: {process.communicate()[1][-2000:]}")


def test_a_model_is_registered_pulled_and_healed_over_http(
    server: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 0.01)
    register(1.0)
    said = capsys.readouterr().err
    assert f"waiting for {server}: uploading {ROLE} (0 s)\n" in said
    uploaded = [path for path in (project / "stored").rglob("*") if path.is_file()]
    assert 10 < len(uploaded) < 50, "every file is a request: the code is its import closure, not the whole package"
    pulled = registry.pull(ROLE, "demo")
    assert pulled.version == "1" and str(project / "stored") not in str(pulled.folder)

    [weights] = (path for path in uploaded if path.name == "weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(InputError, match="version 1 were changed .*weights.safetensors.*; delete that version"):
        registry.pull(ROLE, "demo")
    runs.connect().delete_model_version(NAME, "1")
    register()
    registry.pull(ROLE, "demo")
