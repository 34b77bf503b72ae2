"""SIGTERM ends a command as Ctrl-C does: by an exception, so that its run is closed and no unfinished file stays."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

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
    interruptions = _Interruptions()
    before = signal.signal(signal.SIGTERM, interruptions.terminate)
    sys.unraisablehook = interruptions.unraisable
    try:
        yield
    finally:
        sys.unraisablehook = interruptions.other_hook
        interruptions.disarm()
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


class _Interruptions:
    """The handlers of one command's interruptions."""

    def __init__(self) -> None:
        self.other_hook = sys.unraisablehook
        self._terminated = False
        self._dropped: type[KeyboardInterrupt] | None = None  # what the alarm raises again
        self._alarm: tuple[Any, tuple[float, float]] = (None, (0.0, 0.0))  # the handler and timer that it replaced

    def terminate(self, number: int, frame: FrameType | None) -> None:
        """On SIGTERM."""
        if not self._terminated:
            self._terminated = True
            raise Terminated

    def unraisable(self, unraisable: Any) -> None:
        """When Python drops an exception: an interruption is raised again by an alarm, out of this code."""
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            self.other_hook(unraisable)
            return
        if self._dropped is None:
            timer = signal.setitimer(signal.ITIMER_REAL, 0)
            self._alarm = signal.signal(signal.SIGALRM, self._again), timer
        self._dropped = type(unraisable.exc_value)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_RETURN)

    def _again(self, number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code is _Interruptions.unraisable.__code__:  # what is raised here would be dropped
                signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_RETURN)
                return
            frame = frame.f_back
        dropped = self._dropped or KeyboardInterrupt
        self.disarm()
        raise dropped

    def disarm(self) -> None:
        """Put another one's alarm back in its place."""
        if self._dropped is not None:
            self._dropped = None
            handler, timer = self._alarm
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, *timer)


def free_frames(error: BaseException | None) -> None:
    """Let go of what the functions held that an exception has left: an unfinished query keeps its database locked."""
    seen: set[int] = set()  # a context that was set by hand may lead back
    while error is not None and id(error) not in seen:
        seen.add(id(error))
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
