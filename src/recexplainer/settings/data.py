"""The data: raw formats, the invented demo, what is kept, and who is held back."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.settings.checks import require, require_one_of

RAW_FORMATS = ("amazon_2018", "amazon_2023", "movielens", "steam", "table")


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
    max_bad_lines: int

    def __post_init__(self) -> None:
        """Check names that end up in paths and in the registry."""
        require_one_of(self.format, RAW_FORMATS, "dataset.format")
        plain = bool(self.name) and all(c.isalnum() or c in "-_." for c in self.name)
        require(plain, "dataset.name", f"letters, digits, '-', '_' and '.' only, not {self.name!r}")
        require(self.max_bad_lines >= 0, "dataset.max_bad_lines", "at least 0")


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
    split: Split

    def __post_init__(self) -> None:
        """Check the choice."""
        require_one_of(self.untitled_items, ("drop", "keep"), "prepare.untitled_items")
