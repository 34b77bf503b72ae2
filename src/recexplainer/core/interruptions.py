"""SIGTERM ends a command as Ctrl-C does: by an exception, so that its run is closed and no unfinished file stays."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SECONDS_TO_END = 60  # a stage closes its run over the network


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: a scheduler, ``timeout`` or a person ends the process."""


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Raise `Terminated` when SIGTERM arrives, once: ``timeout`` sends it to the process and to its group."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


@contextlib.contextmanager
def ends_children() -> Iterator[None]:
    """When the body is interrupted, end the processes that it started, and theirs, and wait for them."""
    try:
        yield
    except KeyboardInterrupt:
        import psutil

        children = psutil.Process().children(recursive=True)
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.terminate()
        for child in psutil.wait_procs(children, SECONDS_TO_END)[1]:
            with contextlib.suppress(psutil.Error):
                child.kill()
        raise
