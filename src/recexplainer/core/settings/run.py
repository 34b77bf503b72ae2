"""What holds for every stage."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.core.settings.checks import require_at_least


@dataclass(frozen=True)
class Run:
    """What holds for every stage: the seed of all generators, the torch threads of one stage, and how many
    sources' stages the entry point `main` runs side by side.
    """

    seed: int
    threads: int
    parallel: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_at_least("run", self, threads=1, parallel=1)
