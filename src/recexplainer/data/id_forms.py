"""Forms in which one raw id may be written: two files of a data set that differ in them do not match."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

Form = Callable[[str], str]


def _without_fraction(raw_id: str) -> str:
    return re.sub(r"\.0+$", "", raw_id) if raw_id.endswith("0") and "." in raw_id else raw_id


def _without_leading_zeros(raw_id: str) -> str:
    return raw_id.lstrip("0") or "0"


_SURE_FORMS: dict[str, Form] = {"removing `.0`": _without_fraction, "stripping spaces": str.strip}  # of one id
_FORMS = _SURE_FORMS | {"removing leading zeros": _without_leading_zeros, "ignoring case": str.casefold}


def doubled(counts: Mapping[str, int]) -> tuple[int, str, tuple[str, str]]:
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
