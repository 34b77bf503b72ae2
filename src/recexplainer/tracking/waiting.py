"""How long a server is waited for, and what is said meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain, repeat

from recexplainer.core.environment import variable

SECONDS, AGAIN_SECONDS = 3.0, 30.0  # until the first word about a slow server, and between the next
# How long a tracking server's first answer is waited for: twice 10 s, where MLflow waits eight times 120 s. A stage on
# its way keeps MLflow's patience: a server may start again meanwhile.
FIRST_ANSWER = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Let MLflow wait no longer for a server than `FIRST_ANSWER` says; what the user has set stays."""
    with contextlib.ExitStack() as variables:
        for name in FIRST_ANSWER.keys() - os.environ.keys():
            variables.enter_context(variable(name, FIRST_ANSWER[name]))
        yield


@contextlib.contextmanager
def said(line: str) -> Iterator[None]:
    """Print a line on stderr, with the seconds so far, when the body takes longer than a few seconds."""
    done, stream = threading.Event(), sys.stderr

    def speak() -> None:
        began = time.monotonic()
        pauses = chain([SECONDS], repeat(AGAIN_SECONDS))
        while not done.wait(next(pauses)):
            print(f"{line} ({time.monotonic() - began:.0f} s)", file=stream, flush=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


def innermost(error: Exception) -> str:
    """Why a request failed, on one line; of an HTTP client's nested errors, the innermost.

    >>> innermost(Exception('Max retries (Caused by NewConnectionError("Connection(port=9): Connection refused"))'))
    'Connection refused'
    """
    words = (str(error).splitlines() or [type(error).__name__])[0]
    cause = re.search(r"Caused by \w+\([\"'][^:]*: (.*)[\"']\)", words)
    return cause.group(1) if cause else words
