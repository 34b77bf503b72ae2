"""The registry: what is loaded from it, and what a version has to reach to be promoted."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.alignment import ALIGNED_MODES
from recexplainer.core.settings.explaining import SOURCES
from recexplainer.core.settings.kinds import SECTION, Number, one_of, require
from recexplainer.core.settings.recommender import Kind

_READERS = ("source-classifier", *(f"score-predictor-{source}" for source in SOURCES))
ROLES = (  # of registered models
    *(f"recommender-{kind}" for kind in get_args(Kind)),
    *(f"explainer-{mode}" for mode in ALIGNED_MODES),
    *_READERS,
    *(f"{reader}-encoder" for reader in _READERS),
)


@dataclass(frozen=True, config=SECTION)
class Registry:
    """``alias``: the registry alias whose version evaluation and explanation load."""

    alias: str


@dataclass(frozen=True, config=SECTION)
class Gate:
    """One condition of a promotion: ``metric`` is ``<metrics file>:<dotted key>``; one of the bounds may be null."""

    metric: str
    at_least: Number | None
    at_most: Number | None

    def __post_init__(self) -> None:
        """Refuse a gate without a bound, which any value would pass."""
        require(self.at_least is not None or self.at_most is not None, "at_least", "a number where at_most is null")


@dataclass(frozen=True, config=SECTION)
class Promote:
    """Gates per role; a role without an entry is promoted without a gate."""

    gates: dict[Annotated[str, one_of(ROLES)], list[Gate]]
