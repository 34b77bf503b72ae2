"""Finding raw files in a data set's folder and reading them in pieces; every failure is told in one line."""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip_threaded, isal_zlib

from recexplainer.core.errors import InputError

CHUNK_BYTES = 4 * 2**20
LONGEST_RECORD_BYTES = 64 * 2**20
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_KEPT_UNDECODED = 1000


@dataclass(frozen=True)
class Dialect:
    """How a text file is written, as the parameters of ``dataset`` say; None: found from its beginning."""

    delimiter: str | None = None
    encoding: str | None = None
    quoting: str | None = None
    categories_separator: str | None = None


class BadLines:
    """What is found of one raw file while it is read: how it is written, and the lines that could not be used.

    Attributes:
        path: The file, for messages.
        limit: How many bad lines are tolerated (params.yaml, ``dataset.max_bad_lines``).
        dialect: How it is written, where the parameters say so.
        found: How it was read: delimiter, encoding, quoting, where that was a question.
        count: Bad lines so far.
        examples: The first of them.
        dropped: By column, how many values of optional columns could not be read, the first with it.
        undecoded: Values that are not UTF-8, their bytes as surrogates.
    """

    def __init__(self, path: Path, limit: int, dialect: Dialect = Dialect()) -> None:
        """Begin with none."""
        self.path = path
        self.limit = limit
        self.dialect = dialect
        self.found: dict[str, str] = {}
        self.count = 0
        self.examples: list[str] = []
        self.dropped: dict[str, tuple[int, str]] = {}
        self.undecoded: list[str] = []

    def add(self, line: int, problem: str) -> None:
        """Count one bad line.

        Raises:
            InputError: when there are now more than the limit allows; it names the first bad line.
        """
        self.count += 1
        if len(self.examples) < 5:
            self.examples.append(f"line {line}: {problem}")
        if self.count > self.limit:
            mend = self.likely_encoding()
            advice = f"; {mend}" if mend else ""
            raise InputError(
                f"{self.path}: {self.examples[0]}"
                f" (bad lines so far: {self.count}; dataset.max_bad_lines allows {self.limit}){advice}"
            )

    def drop(self, column: str, line: int, problem: str) -> None:
        """Count one value of an optional column that could not be read; its record stays."""
        n_before, first = self.dropped.get(column, (0, f"line {line}: {problem}"))
        self.dropped[column] = n_before + 1, first

    def keep_undecoded(self, values: list[str]) -> None:
        """Remember some of the values that are not UTF-8."""
        self.undecoded += values[: _KEPT_UNDECODED - len(self.undecoded)]

    def likely_encoding(self) -> str:
        """The encoding in which all values that are not UTF-8 are proper text, as advice; "" where there is none."""
        raw = [value.encode("utf-8", "surrogateescape") for value in self.undecoded]
        for encoding in ("latin-1", "cp1252"):
            if raw and all(_is_text_in(value, encoding) for value in raw):
                return f"all titles are valid when decoded as {encoding}: set dataset.encoding to {encoding}"
        return ""

    def report(self) -> dict[str, object]:
        """What report.json says about the file."""
        report: dict[str, object] = {"file": self.path.name, "bad_lines": self.count, "examples": self.examples}
        if mend := self.likely_encoding():
            report["likely_mend"] = mend
        if self.found:
            report["read_as"] = self.found
        if self.dropped:
            report["dropped_values"] = {column: {"n": n, "first": first} for column, (n, first) in self.dropped.items()}
        return report


def _is_text_in(raw: bytes, encoding: str) -> bool:
    try:
        return not any("\x7f" <= character <= "\x9f" for character in raw.decode(encoding))
    except UnicodeDecodeError:
        return False


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
    raise InputError(f"{folder / name}: no such file; set {parameter} to a file in dataset.raw or to a path")


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


def the_only_file(
    folder: Path, candidates: list[Path], what: str, naming: str, parameter: str, name: str | None = None
) -> Path:
    """The file that the parameter names, or without a name the one among those that a format's naming allows.

    Raises:
        InputError: when there is none, or more than one.
    """
    if name is not None:
        return named_file(folder, name, parameter)
    found = sorted({path for path in candidates if _is_file(path)})
    if len(found) == 1:
        return found[0]
    if not found:
        advice = f"dvc update {folder}/*.dvc fetches it" if any(folder.glob("*.dvc")) else f"or name it in {parameter}"
        raise InputError(f"{folder}: no {what} file was found (expected {naming}); {advice}")
    names = ", ".join(path.relative_to(folder).as_posix() for path in found)
    raise InputError(f"{folder}: more than one {what} file was found ({names}); name one in {parameter}")


def last_line_end(block: bytes) -> int:
    """The end of the last whole line of a block, 0 where none ends in it."""
    return block.rfind(b"\n") + 1


def read_chunks(
    path: Path, last_end: Callable[[bytes], int] = last_line_end, encoding: str | None = None
) -> Iterator[tuple[int, bytes]]:
    """A file in pieces of whole records, gunzipped where its name ends in ``.gz``, unpacked where it is in a zip.

    Memory is bounded by the piece, not by the file.

    Args:
        path: The file.
        last_end: Finds the end of the last whole record of a block that starts at a record; a record is a line
            unless it says otherwise.
        encoding: Of the file; None: UTF-8, or what a byte order mark says.

    Yields:
        The number of the piece's first line (from 1) and its bytes in UTF-8, which end with a line break. What the
        encoding cannot decode stays as it is.

    Raises:
        InputError: when the file cannot be opened, or is a broken gzip or zip.
    """
    line, rest = 1, b""
    try:
        with _open(path) as file:
            for block in _utf8_blocks(file, encoding):
                block = rest + block
                end = last_end(block) if len(block) <= LONGEST_RECORD_BYTES else last_line_end(block)
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


def _utf8_blocks(file: BinaryIO, encoding: str | None) -> Iterator[bytes]:
    """A file's bytes in UTF-8, without a byte order mark."""
    first = file.read(CHUNK_BYTES)
    mark = next((mark for mark in _BYTE_ORDER_MARKS if first.startswith(mark)), b"")
    first, encoding = first.removeprefix(mark), _BYTE_ORDER_MARKS.get(mark, encoding or "utf-8")
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    block = first
    while block:
        yield block if is_utf8 else decoder.decode(block).encode("utf-8", "surrogateescape")
        block = file.read(CHUNK_BYTES)


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
