"""Whether the times of a file are in one unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recexplainer.core.errors import InputError

# From 1973 on, times since 1970 in one unit are never as large as those in the next smaller one.
_UNITS = {"seconds": 1e8, "milliseconds": 1e11, "microseconds": 1e14, "nanoseconds": 1e17}
_END = 1e20
_DAYS = (19000101, 21001231)  # as yyyymmdd


def require_one_unit(times: np.ndarray, path: Path) -> None:
    """Refuse times of which some look like seconds and others like milliseconds (or micro- or nanoseconds).

    Raises:
        InputError: with how many there are of each.
    """
    counts, _ = np.histogram(times, [*_UNITS.values(), _END])
    found = {unit: int(n) for unit, n in zip(_UNITS, counts, strict=True) if n}
    if len(found) > 1:
        seen = ", ".join(f"{n:,} look like {unit}" for unit, n in found.items())
        raise InputError(
            f"{path}: the times have more than one unit: {seen}; convert them to one, or, if they are not times, name"
            " their column in dataset.columns.order"
        )


def looks_like_days(times: np.ndarray) -> bool:
    """Whether all times read as yyyymmdd: their order is right, but they are not seconds.

    >>> looks_like_days(np.array([20240501.0, 20231231.0])), looks_like_days(np.array([20240501.0, 20240599.0]))
    (True, False)
    """
    month, day = times // 100 % 100, times % 100
    fits = (times >= _DAYS[0]) & (times <= _DAYS[1]) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return bool(len(times)) and bool(fits.all())
