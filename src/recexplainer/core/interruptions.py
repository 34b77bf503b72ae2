"""SIGTERM ends a command as Ctrl-C does: by an exception, so that its run is closed and no unfinished file stays."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType

SECONDS_TO_END = 60  # a stage closes its run over the network
SECONDS_TO_RETURN = 0.1  # until Python has left the code that cannot be interrupted


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: a scheduler, ``timeout`` or a person ends the process."""


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Raise `Terminated` when SIGTERM arrives, once: ``timeout`` sends it to the process and to its group.

    Python drops what is raised while it frees an object (``Exception ignored in``); an interruption that arrives there
    is raised again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, unraisable = signal.signal(signal.SIGTERM, _raise), sys.unraisablehook
    sys.unraisablehook = lambda dropped: _again(dropped.exc_value) or unraisable(dropped)
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _again(dropped: BaseException | None) -> bool:
    """Send an interruption that was dropped once more; False for any other exception."""
    if not isinstance(dropped, KeyboardInterrupt):
        return False
    number = signal.SIGINT
    if isinstance(dropped, Terminated):
        number = signal.SIGTERM
        signal.signal(number, _raise)
    threading.Timer(SECONDS_TO_RETURN, os.kill, (os.getpid(), number)).start()
    return True


def free_frames(error: BaseException | None) -> None:
    """Let go of what the functions held that an exception has left: an unfinished query keeps its database locked."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


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
