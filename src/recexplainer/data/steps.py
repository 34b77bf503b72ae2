"""What ``prepare`` says of its steps, as lines of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recexplainer.data.categories import CategoryChanges

_COLUMNS = ("n_interactions", "n_users", "n_items")
STEPS_HEADER = f"{'step':<16}{'interactions':>14}{'users':>12}{'items':>12}"


def step_line(step: Mapping[str, Any]) -> str:
    """What a step left.

    >>> step_line({"step": "k_core", "n_interactions": 90274, "n_users": 610, "n_items": 3650})
    'k_core                  90,274         610       3,650'
    """
    return f"{step['step']:<16}" + "".join(
        f"{step[name]:>{width},}" for name, width in zip(_COLUMNS, (14, 12, 12), strict=True)
    )


def file_line(report: Mapping[str, Any]) -> str:
    """How a file was read, and what of it could not be."""
    parts = [f"{name} {value!r}" for name, value in report.get("read_as", {}).items()]
    parts.append(f"{report.get('bad_lines', 0)} bad lines" + "".join(f" ({text})" for text in _first(report)))
    parts += [f"{found['n']} values of {name} dropped" for name, found in report.get("dropped_values", {}).items()]
    return f"{report.get('file', 'data')}: {', '.join(parts)}"


def notes_line(
    share: float,
    items: Mapping[str, Any],
    titles: Mapping[str, int],
    categories: CategoryChanges,
    doubled: Mapping[str, int],
) -> str:
    """What was lost, and what titles and categories needed."""
    parts = [f"lost {share:.1%}: {items['n_unknown']} unknown items, {items['n_without_title']} without a title"]
    parts += [f"{n} interactions with ids of {what} in two forms" for what, n in doubled.items() if n]
    if titles:
        parts.append("titles changed: " + ", ".join(f"{kind} {n}" for kind, n in titles.items()))
    if categories.respelled:
        parts.append(f"{len(categories.respelled)} spellings of categories replaced by more frequent ones")
    if categories.n_items_with_sentences:
        parts.append(f"sentences among the categories of {categories.n_items_with_sentences} items made features")
    return "; ".join(parts)


def _first(report: Mapping[str, Any]) -> list[str]:
    return list(report.get("examples", []))[:1]
