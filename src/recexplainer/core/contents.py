"""What a file or folder holds, as hashes: one for the registry, one as DVC writes it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from recexplainer.core.errors import InputError


def content_sha256(folder: Path | str) -> str:
    """Hash a model folder: every file's relative path and bytes, in the order of the paths.

    Raises:
        InputError: when there is no such folder, or it holds no file or a symbolic link.
    """
    total = hashlib.sha256()
    for name, file in _files(Path(folder)):
        encoded = name.encode()
        total.update(len(encoded).to_bytes(8, "big") + encoded)
        total.update(file.stat().st_size.to_bytes(8, "big"))
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                total.update(block)
    return total.hexdigest()


def file_hashes(folder: Path | str) -> dict[str, str]:
    """The SHA-256 of every file of a folder, under its path in it.

    Raises:
        InputError: see `content_sha256`.
    """
    return {name: file_sha256(file) for name, file in _files(Path(folder))}


def file_sha256(file: Path) -> str:
    """The SHA-256 of one file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, hashlib.sha256).hexdigest()


def dvc_md5(path: Path | str) -> str:
    """The hash that DVC 3 gives a file, or a folder (``….dir``)."""
    path = Path(path)
    if path.is_dir():
        listing = [{"md5": dvc_md5(file), "relpath": name} for name, file in _files(path)]
        return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _files(folder: Path) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such model folder; run the stage that writes it (dvc repro, or dvc pull)")
    found = sorted((file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if not file.is_dir())
    for name, file in found:
        if file.is_symlink():
            raise InputError(f"{folder}: {name} is a symbolic link; a model folder may contain only regular files")
    if not found:
        raise InputError(f"{folder}: contains no files; run dvc repro")
    return found
