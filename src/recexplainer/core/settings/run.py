"""What holds for every stage."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.kinds import SECTION, Count, Positive, Whole


@dataclass(frozen=True, config=SECTION)
class Run:
    """What holds for every stage: the seed of all generators, the torch threads of one stage, and how many
    sources' stages the entry point `main` runs side by side, and the budget.
    """

    seed: Whole
    threads: Count
    parallel: Count
    minutes: Positive  # what a run on two cores is to take
