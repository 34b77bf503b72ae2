"""How a command ends: bad input, a full disk and an interruption are one line each, not a traceback."""

from __future__ import annotations

import difflib
import errno
import functools
import os
import sys
from collections.abc import Callable, Iterable
from typing import ParamSpec

from recexplainer.core.interruptions import Terminated, sigterm_raises

Arguments = ParamSpec("Arguments")
# What libraries' own errors quote when a disk is full, a quota is used up, or `ulimit -f` is reached.
_SYSTEM = {os.strerror(number): os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
_SQLITE_AND_TORCH = dict.fromkeys(("database or disk is full", "enforce fail at inline_container"), "the disk is full")
_STREAM = {"iostream error": "a file could not be written to its end, as on a full disk"}  # torch, in its last bytes
NO_SPACE = _SYSTEM | _SQLITE_AND_TORCH | _STREAM


class InputError(Exception):
    """Something that the user gave cannot be used; the message says on one line what, where and what to do.

    Every command turns it into ``error: <message>`` on stderr and exit code 2 (`ends_clearly`).
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


def ends_clearly(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """A command's `main` that ends with one line on stderr, not with a traceback, when the program is not at fault.

    Its exit code is 2 for bad input and for a full disk, 130 after Ctrl-C, 143 after SIGTERM.
    """

    @functools.wraps(main)
    def ended(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            with sigterm_raises():
                return main(*args, **kwargs)
        except InputError as error:
            message, code = str(error), 2
        except Terminated:
            message, code = "terminated", 143
        except KeyboardInterrupt:
            message, code = "interrupted", 130
        except Exception as error:
            if (reason := no_space(error)) is None:
                raise
            message, code = f"{getattr(error, 'filename', None) or 'a write failed'}: {reason}", 2
        print(f"error: {message}", file=sys.stderr)
        return code

    return ended


def no_space(error: BaseException | None) -> str | None:
    """Say what to do when a write found no space; None for every other error. Libraries wrap the system's error.

    >>> no_space(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    'No space left on device; free some space and run this again'
    >>> no_space(RuntimeError("basic_ios::clear: iostream error"))
    'a file could not be written to its end, as on a full disk; free some space and run this again'
    """
    while error is not None:
        for quoted, meant in NO_SPACE.items():
            if quoted in str(error):
                return f"{meant}; free some space and run this again"
        error = error.__cause__ or error.__context__
    return None


def reason_of(error: BaseException) -> str:
    """The first line of another library's error, or its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the nearest known word, or all of them: the tail of a message about an unknown one.

    >>> did_you_mean("epoch", ["epochs", "rank"])
    "did you mean 'epochs'?"
    >>> did_you_mean("zzz", ["epochs", "rank"])
    'known: epochs, rank'
    """
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return "known: " + (", ".join(names) if names else "none")
