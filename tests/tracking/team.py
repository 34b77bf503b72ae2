"""A team's tracking server for tests: `mlflow server` behind a name, on a PostgreSQL that the test starts itself."""

from __future__ import annotations

import contextlib
import http.client
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 240
NAMES = "mlflow.example.org:*,127.0.0.1:*"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """PostgreSQL on a port and in a folder of its own; the address of its database `mlflow`, for psycopg 3.

    It refuses to run as root, so that root starts it as a user who owns nothing.
    """
    folder, port = Path(tempfile.mkdtemp()), free_port()
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    who = pwd.getpwnam(user)
    os.chown(folder, who.pw_uid, who.pw_gid)

    def run(*words: str) -> None:
        as_user = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, **as_user)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr

    data, log = str(folder / "data"), str(folder / "log")
    listening = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    try:
        run("initdb", "-D", data, "-U", "mlflow", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-D", data, "-l", log, "-o", listening, "-w", "-t", str(START_SECONDS), "start")
        try:
            import psycopg

            with psycopg.connect(f"postgresql://mlflow@127.0.0.1:{port}/postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE mlflow")
            yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def tracking_server(database: str, folder: Path) -> Iterator[int]:
    """`mlflow server` for `NAMES`, its artefacts in `folder`; the port."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database, "--artifacts-destination",
        str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--allowed-hosts", NAMES,
    ]  # fmt: skip
    bare = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    log = folder / "server.log"
    with log.open("wb") as file:
        server = subprocess.Popen(command, cwd=folder, env=bare, stdout=file, stderr=file, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while status(port, "mlflow.example.org") != 200:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.5)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(60)


def status(port: int, host: str) -> int:
    """The status of an answer to who calls the server by a name; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.suppress(OSError), contextlib.closing(connection):
        connection.request(
            "GET", "/api/2.0/mlflow/experiments/search?max_results=1", headers={"Host": f"{host}:{port}"}
        )
        return connection.getresponse().status
    return 0
