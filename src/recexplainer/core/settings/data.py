"""The data: raw formats, the invented demo, what is kept, and who is held back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.kinds import (
    SECTION,
    Count,
    CountOrZero,
    NotNegative,
    Number,
    Share,
    Whole,
    must,
    require,
)


def _is_encoding(name: str) -> bool:
    try:
        return bool("a".encode(name))
    except LookupError:
        return False


PlainName = Annotated[
    str,
    must(
        lambda name: name and all(c.isalnum() or c in "-_." for c in name),
        "letters, digits, '-', '_' and '.' only",
    ),
]
ItemNoun = Annotated[
    str, must(lambda noun: noun and all(c.isalpha() or c in " -" for c in noun), "a noun in the singular, such as film")
]
Delimiter = Annotated[
    str, must(lambda c: len(c) == 1 and c.isascii() and c not in '"\n\r', "one ASCII character, or null to find it")
]


@dataclass(frozen=True, config=SECTION)
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


@dataclass(frozen=True, config=SECTION)
class Dataset:
    """Which raw data to read, and in which format; the name ends up in paths and in the registry."""

    name: PlainName
    item_noun: ItemNoun
    raw: str
    format: str  # one of `data.readers.FORMATS`
    interactions_file: str | None
    items_file: str | None
    dialogues_file: str | None
    columns: Columns
    delimiter: Delimiter | None
    encoding: Annotated[str, must(_is_encoding, "an encoding that Python knows")] | None
    quoting: Literal["double", "backslash", "none"] | None
    categories_separator: Annotated[str, must(len, "some text, or null to find it")] | None
    max_bad_lines: CountOrZero


@dataclass(frozen=True, config=SECTION)
class GenerateDemo:
    """Size and seed of the invented demo world."""

    seed: Whole
    n_users: Count
    n_items: Annotated[Whole, must(lambda n: n >= 60, "at least 60 (or users run out of games)")]


@dataclass(frozen=True, config=SECTION)
class Split:
    """Shares of users for alignment and explanations; they sum to 1."""

    train: NotNegative
    valid: NotNegative
    test: NotNegative

    def __post_init__(self) -> None:
        """Check the sum."""
        total = self.train + self.valid + self.test
        require(abs(total - 1) < 1e-6, "train + valid + test", f"shares that sum to 1, not {total:g}")


@dataclass(frozen=True, config=SECTION)
class Prepare:
    """Which interactions, items and users are kept."""

    min_rating: Number
    k_core: Whole
    untitled_items: Literal["drop", "keep"]
    max_items: Count | None
    max_users: Count | None
    min_user_items: Annotated[Whole, must(lambda n: n >= 3, "at least 3, because a user's last two items are held out")]
    max_lost: Share
    split: Split
