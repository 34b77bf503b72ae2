"""The data: raw formats, the invented demo, what is kept, and who is held back."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.core.settings.checks import require, require_one_of

QUOTINGS = ("double", "backslash", "none")


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a generic table; null where the table has no such column."""

    user: str
    item: str
    order: str | None
    time: str | None
    rating: str | None
    item_key: str
    title: str
    brand: str | None
    categories: str | None
    description: str | None


@dataclass(frozen=True)
class Dataset:
    """Which raw data to read, and in which format."""

    name: str
    raw: str
    format: str
    interactions_file: str | None
    items_file: str | None
    dialogues_file: str | None
    columns: Columns
    delimiter: str | None
    encoding: str | None
    quoting: str | None
    categories_separator: str | None
    max_bad_lines: int

    def __post_init__(self) -> None:
        """Check names that end up in paths and in the registry."""
        plain = bool(self.name) and all(c.isalnum() or c in "-_." for c in self.name)
        require(plain, "dataset.name", f"letters, digits, '-', '_' and '.' only, not {self.name!r}")
        require(self.max_bad_lines >= 0, "dataset.max_bad_lines", "at least 0")
        for name, value in (("delimiter", self.delimiter), ("categories_separator", self.categories_separator)):
            require(value != "", f"dataset.{name}", "some text, or null to find it")
        one_byte = self.delimiter is None or (len(self.delimiter) == 1 and self.delimiter.isascii())
        require(one_byte and self.delimiter not in ('"', "\n", "\r"), "dataset.delimiter", "one ASCII character")
        if self.quoting is not None:
            require_one_of(self.quoting, QUOTINGS, "dataset.quoting")
        require(_is_encoding(self.encoding), "dataset.encoding", f"one that Python knows, not {self.encoding!r}")


def _is_encoding(name: str | None) -> bool:
    try:
        return name is None or bool("a".encode(name))
    except LookupError:
        return False


@dataclass(frozen=True)
class GenerateDemo:
    """Size and seed of the invented demo world."""

    seed: int
    n_users: int
    n_items: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.n_users >= 1, "generate_demo.n_users", "at least 1")
        require(self.n_items >= 60, "generate_demo.n_items", "at least 60, or users run out of games")


@dataclass(frozen=True)
class Split:
    """Shares of users for alignment and explanations; they sum to 1."""

    train: float
    valid: float
    test: float

    def __post_init__(self) -> None:
        """Check the sum."""
        parts = (self.train, self.valid, self.test)
        require(all(p >= 0 for p in parts), "prepare.split", "shares of at least 0")
        require(abs(sum(parts) - 1) < 1e-6, "prepare.split", f"shares that sum to 1, not {sum(parts):g}")


@dataclass(frozen=True)
class Prepare:
    """Which interactions, items and users are kept."""

    min_rating: float
    k_core: int
    untitled_items: str
    max_items: int | None
    max_users: int | None
    min_user_items: int
    max_lost: float
    split: Split

    def __post_init__(self) -> None:
        """Check the choice."""
        require(0 <= self.max_lost <= 1, "prepare.max_lost", "a share from 0 to 1")
        require_one_of(self.untitled_items, ("drop", "keep"), "prepare.untitled_items")
