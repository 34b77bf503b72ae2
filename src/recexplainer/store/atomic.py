"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from recexplainer.core.errors import InputError, no_space


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary sibling name to write a file or folder to; it takes ``path``'s place on success only.

    The temporary name keeps the suffix. On any exception, an interruption too, nothing of it stays and ``path`` is as
    it was.

    Raises:
        InputError: when the disk is full.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".tmp-{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"nothing was written for {target}")
        _replace(temporary, target)
    except Exception as error:
        if (reason := no_space(error)) is None:
            raise
        raise InputError(f"{target}: {reason}") from error
    finally:
        remove(temporary)


def remove(path: Path | str) -> None:
    """Remove a file or folder, if it is there."""
    gone = Path(path)
    if gone.is_dir() and not gone.is_symlink():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink(missing_ok=True)


def _replace(temporary: Path, target: Path) -> None:
    if not os.path.lexists(target) or not (target.is_dir() or temporary.is_dir()):
        os.replace(temporary, target)
        return
    aside = target.with_name(f".tmp-{uuid.uuid4().hex[:12]}-{target.name}")  # no folder can be replaced in one step
    try:
        os.replace(target, aside)
        os.replace(temporary, target)
    finally:
        if os.path.lexists(aside) and not os.path.lexists(target):
            os.replace(aside, target)
        remove(aside)
