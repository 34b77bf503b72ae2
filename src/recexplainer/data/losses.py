"""What a data set's faults cost: interactions of bad rows, of unknown and of untitled items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from recexplainer.core.errors import InputError
from recexplainer.data.id_forms import doubled
from recexplainer.data.readers.raw import RawInteractions


@dataclass(frozen=True)
class Losses:
    """What the choices of the section ``prepare`` did not ask for.

    Attributes:
        n_interactions: Those that were left before items without a title went.
        n_bad_rows: Rows of the interactions' file that could not be read.
        n_unknown: Interactions with items that the items' file does not know.
        n_untitled: Interactions with items that have no title.
    """

    n_interactions: int
    n_bad_rows: int
    n_unknown: int
    n_untitled: int

    @property
    def n_lost(self) -> int:
        """All that is lost."""
        return self.n_bad_rows + self.n_unknown + self.n_untitled

    @property
    def share(self) -> float:
        """The lost share."""
        return self.n_lost / (self.n_interactions + self.n_bad_rows)

    def report(self) -> dict[str, Any]:
        """What report.json says."""
        counts = {"n_bad_rows": self.n_bad_rows, "n_unknown": self.n_unknown, "n_untitled": self.n_untitled}
        return {**counts, "share": round(self.share, 4)}


def require_few_lost(losses: Losses, max_lost: float, mends: Iterable[str]) -> None:
    """Stop when more is lost than the parameter allows.

    Raises:
        InputError: with what was lost and the likely mend.
    """
    if losses.share <= max_lost:
        return
    advice = "; ".join([*filter(None, mends), "fix the files, or allow the loss with prepare.max_lost"])
    raise InputError(
        f"prepare: {losses.n_lost:,} of {losses.n_interactions + losses.n_bad_rows:,} interactions are lost"
        f" ({losses.share:.1%}; prepare.max_lost allows {max_lost:.1%}): {losses.n_bad_rows:,} to bad rows,"
        f" {losses.n_unknown:,} to items missing from the items' file, {losses.n_untitled:,} to items without"
        f" a title; {advice}"
    )


def require_one_form(raw: RawInteractions, max_lost: float) -> dict[str, int]:
    """How many interactions have an id that another one differs from by its form alone (``3`` and ``3.0``).

    Returns:
        By ``users`` and ``items``.

    Raises:
        InputError: when they are more than ``max_lost`` of all: one item counts as two.
    """
    counts = {}
    for what, names, codes in (("users", raw.user_names, raw.users), ("items", raw.item_names, raw.items)):
        n_of = np.bincount(codes, minlength=len(names)).tolist()
        present = {name: n for name, n in zip(names, n_of, strict=True) if n}
        n_doubled, form, example = doubled(present)
        if n_doubled > max_lost * len(raw):
            raise InputError(
                f"prepare: {n_doubled:,} of {len(raw):,} interactions have an id of {what} in a second form:"
                f" ids match after {form} ({example[0]!r} and {example[1]!r}); fix the file, or allow it with"
                f" prepare.max_lost"
            )
        counts[what] = n_doubled
    return counts
