"""The one exception that means: the input is at fault, not the program."""

from __future__ import annotations

import difflib
import functools
import sys
from collections.abc import Callable, Iterable
from typing import ParamSpec

Arguments = ParamSpec("Arguments")


class InputError(Exception):
    """Something that the user gave cannot be used; the message says on one line what, where and what to do.

    Every command turns it into ``error: <message>`` on stderr and exit code 2 (`ends_clearly`).
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


def ends_clearly(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """A command's `main` that ends with one line on stderr and exit code 2 when its input is at fault."""

    @functools.wraps(main)
    def ended(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2

    return ended


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
