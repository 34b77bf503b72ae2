"""MLflow's own server, started for a test and asked over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS, ANSWER_SECONDS = 180, 60


@dataclass(frozen=True)
class Server:
    """Where a server listens."""

    port: int

    def ask(self, body: Any) -> tuple[int, str]:
        """Status and text of the answer to a JSON body."""
        return self.send(json.dumps(body).encode())

    def send(self, body: bytes, content_type: str | None = "application/json") -> tuple[int, str]:
        """The same for any body; who hangs fails."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", "/invocations", body, {"Content-Type": content_type} if content_type else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def is_up(self) -> bool:
        """Whether it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        return False


@contextlib.contextmanager
def mlflow_server(model: str, folder: Path, tracking_uri: str) -> Iterator[Server]:
    """`mlflow models serve` in `folder`; what it writes goes to `server.log` there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        model,
        "--env-manager",
        "local",
        "-p",
        str(port),
    ]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri,
                   "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            server, deadline = Server(port), time.monotonic() + START_SECONDS
            while not server.is_up():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "server.log").read_text()[-3000:])
                time.sleep(0.3)
            yield server
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)
