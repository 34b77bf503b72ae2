"""What a data set's faults cost: interactions of bad rows, of unknown and of untitled items, and the likely mend."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recexplainer.core.errors import InputError
from recexplainer.data.readers.raw import RawInteractions

Form = Callable[[str], str]


def _without_fraction(raw_id: str) -> str:
    return re.sub(r"\.0+$", "", raw_id) if raw_id.endswith("0") and "." in raw_id else raw_id


def _without_leading_zeros(raw_id: str) -> str:
    return raw_id.lstrip("0") or "0"


_SURE_FORMS: dict[str, Form] = {"removing `.0`": _without_fraction, "stripping spaces": str.strip}  # of one id
_FORMS = _SURE_FORMS | {"removing leading zeros": _without_leading_zeros, "ignoring case": str.casefold}


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
        n_doubled, form, example = _doubled(present)
        if n_doubled > max_lost * len(raw):
            raise InputError(
                f"prepare: {n_doubled:,} of {len(raw):,} interactions have an id of {what} in a second form:"
                f" ids match after {form} ({example[0]!r} and {example[1]!r}); fix the file, or allow it with"
                f" prepare.max_lost"
            )
        counts[what] = n_doubled
    return counts


def _doubled(counts: Mapping[str, int]) -> tuple[int, str, tuple[str, str]]:
    """How many interactions the rarer forms of ids have, by which form most of them, and two such ids."""
    found: dict[str, int] = {}
    examples: dict[str, tuple[str, str]] = {}
    for name, form in _SURE_FORMS.items():
        odd = {raw_id: plain for raw_id in counts if (plain := form(raw_id)) != raw_id and plain in counts}
        if odd:
            found[name] = sum(min(counts[raw_id], counts[plain]) for raw_id, plain in odd.items())
            examples[name] = next(iter(odd.items()))
    if not found:
        return 0, "", ("", "")
    worst = max(found, key=lambda name: found[name])
    return sum(found.values()), worst, examples[worst]


def likely_mend(unknown: Mapping[str, int], known: Iterable[str]) -> str:
    """What makes most of the unknown ids known, as advice; "" where nothing does.

    Args:
        unknown: Interactions by raw id.
        known: The raw ids of the items' file.

    >>> likely_mend({"3.0": 10, "4.0": 5, "x": 1}, ["3", "4"])
    'ids match after removing `.0`'
    """
    known = list(known)
    matched: dict[str, int] = defaultdict(int)
    for name, form in _FORMS.items():
        forms = {form(raw_id) for raw_id in known}
        matched[name] = sum(n for raw_id, n in unknown.items() if form(raw_id) in forms)
    best = max(matched, key=lambda name: matched[name])
    return f"ids match after {best}" if 2 * matched[best] > sum(unknown.values()) else ""
