"""The registry: what is loaded from it, and what a version has to reach to be promoted."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.kinds import SECTION, Number


@dataclass(frozen=True, config=SECTION)
class Registry:
    """``alias``: the registry alias whose version evaluation and explanation load."""

    alias: str


@dataclass(frozen=True, config=SECTION)
class Gate:
    """One condition of a promotion: ``metric`` is ``<metrics file>:<dotted key>``; a bound may be null."""

    metric: str
    at_least: Number | None
    at_most: Number | None


@dataclass(frozen=True, config=SECTION)
class Promote:
    """Gates per role; a role without an entry is promoted without a gate."""

    gates: dict[str, list[Gate]]
