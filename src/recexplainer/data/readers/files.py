"""Finding raw files in a data set's folder and reading them in pieces; every failure is told in one line."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip_threaded, isal_zlib

from recexplainer.errors import InputError

CHUNK_BYTES = 4 * 2**20
_LONGEST_RECORD_BYTES = 64 * 2**20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLines:
    """The lines of one file that could not be read: counted, and too many of them refuse the file."""

    def __init__(self, path: Path, limit: int) -> None:
        """Begin with none.

        Args:
            path: The file, for messages.
            limit: How many bad lines are tolerated (params.yaml, ``dataset.max_bad_lines``).
        """
        self.path = path
        self.limit = limit
        self.count = 0
        self.examples: list[str] = []

    def add(self, line: int, problem: str) -> None:
        """Count one bad line.

        Raises:
            InputError: when there are now more than the limit allows; it names the first bad line.
        """
        self.count += 1
        if len(self.examples) < 5:
            self.examples.append(f"line {line}: {problem}")
        if self.count > self.limit:
            raise InputError(
                f"{self.path}: {self.examples[0]}"
                f" (bad lines so far: {self.count}; dataset.max_bad_lines allows {self.limit})"
            )

    def report(self) -> dict[str, object]:
        """What report.json says about the file."""
        return {"file": self.path.name, "bad_lines": self.count, "examples": self.examples}


def require_folder(folder: Path) -> Path:
    """The raw data set's folder itself.

    Raises:
        InputError: when it is missing or no folder.
    """
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder}: the data set's folder {problem}; set dataset.raw to the folder of raw files")
    return folder


def named_file(folder: Path, name: str, parameter: str) -> Path:
    """The file that a parameter names: inside the data set's folder, or else a path of its own.

    Either may lead through a zip archive, see ``files_named``.

    Raises:
        InputError: when neither is a file.
    """
    for path in (folder / name, Path(name)):
        if _is_file(path):
            return path
    raise InputError(f"{folder / name}: no such file; {parameter} names it, as a file in dataset.raw or as a path")


def files_named(folder: Path, names: list[str]) -> list[Path]:
    """The folder's files with one of these names, and such members of its zip archives.

    A member's path leads through its archive: ``folder/ml-1m.zip/ml-1m/ratings.dat``.

    Raises:
        InputError: when an archive is broken.
    """
    found = [folder / name for name in names]
    for archive in folder.glob("*.zip"):
        found += [archive / member for member in _members(archive) if Path(member).name in names]
    return [path for path in found if _is_file(path)]


def the_only_file(folder: Path, candidates: list[Path], what: str, naming: str, parameter: str) -> Path:
    """The one file among those that a format's naming allows.

    Raises:
        InputError: when there is none, or more than one.
    """
    found = sorted({path for path in candidates if _is_file(path)})
    if len(found) == 1:
        return found[0]
    if not found:
        advice = f"dvc update {folder}/*.dvc fetches it" if any(folder.glob("*.dvc")) else f"or name it in {parameter}"
        raise InputError(f"{folder}: no {what} file was found (expected {naming}); {advice}")
    names = ", ".join(path.relative_to(folder).as_posix() for path in found)
    raise InputError(f"{folder}: more than one {what} file was found ({names}); name one in {parameter}")


def read_chunks(path: Path, quoted: bool = False) -> Iterator[tuple[int, bytes]]:
    """A file in pieces of whole lines, gunzipped where its name ends in ``.gz``, unpacked where it lies in a zip.

    Memory is bounded by the piece, not by the file.

    Args:
        path: The file.
        quoted: Whether a record may hold line breaks between double quotes (CSV); pieces then end between
            records.

    Yields:
        The number of the piece's first line (from 1) and its bytes, which end with a line break.

    Raises:
        InputError: when the file cannot be opened, or is a broken gzip or zip.
    """
    line, rest = 1, b""
    try:
        with _open(path) as file:
            while block := file.read(CHUNK_BYTES):
                if line == 1 and not rest:
                    block = block.removeprefix(_BYTE_ORDER_MARK)
                block = rest + block
                end = _last_record_end(block, quoted)
                if end:
                    yield line, block[:end]
                    line += block.count(b"\n", 0, end)
                rest = block[end:]
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, isal_zlib.error) as error:  # type: ignore[misc]
        kind = "zip" if _archive_of(path) else "gzip"
        raise InputError(f"{path}: broken {kind} after line {line - 1} ({error}); fetch the file again") from error
    except (OSError, RuntimeError) as error:  # zipfile's word for what is encrypted or compressed in another way
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if rest:
        yield line, rest + b"\n"


def _is_file(path: Path) -> bool:
    """Whether a path leads to a file, or through a zip archive to one of its members."""
    archive = _archive_of(path)
    return path.is_file() if archive is None else path.relative_to(archive).as_posix() in _members(archive)


def _members(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as file:
            return file.namelist()
    except zipfile.BadZipFile as error:
        raise InputError(f"{archive}: broken zip ({error}); fetch the file again") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be read ({error.strerror or error})") from error


def _archive_of(path: Path) -> Path | None:
    return next((folder for folder in path.parents if folder.suffix == ".zip" and folder.is_file()), None)


def _open(path: Path) -> BinaryIO:
    archive = _archive_of(path)
    if archive is not None:  # the member keeps the archive open
        return cast(BinaryIO, zipfile.ZipFile(archive).open(path.relative_to(archive).as_posix()))
    if path.suffix == ".gz":
        return cast(BinaryIO, igzip_threaded.open(path, "rb"))  # a thread unpacks ahead, thrice as fast as zlib
    return path.open("rb")


def _last_record_end(block: bytes, quoted: bool) -> int:
    """The end of the last whole record of a block that starts at a record, 0 where none ends in it."""
    end = block.rfind(b"\n") + 1
    if not quoted or len(block) > _LONGEST_RECORD_BYTES or block.count(b'"', 0, end) % 2 == 0:
        return end
    closing = end
    while (opening := block.rfind(b'"', 0, closing)) >= 0:
        closing = block.rfind(b'"', 0, opening)
        line_break = block.rfind(b"\n", closing + 1, opening)
        if line_break >= 0:
            return line_break + 1
        if closing < 0:
            break
    return 0
