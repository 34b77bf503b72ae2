"""How alignment is measured, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recexplainer.settings.api import ApiModel
from recexplainer.settings.checks import require, require_one_of

RANKINGS = ("constrained", "free")


@dataclass(frozen=True)
class EvaluateAlignment:
    """How alignment is measured."""

    tasks: list[str]
    n_beams: int
    ranking: str  # whether its answers are constrained to the candidates
    max_title_tokens: int
    max_prompt_tokens: int
    row_tokens: int
    batch_size: int
    n_draws: int  # of users, for the intervals; 0: no intervals

    def __post_init__(self) -> None:
        """Check the choice."""
        require_one_of(self.ranking, RANKINGS, "evaluate_alignment.ranking")
        require(self.n_draws >= 0, "evaluate_alignment.n_draws", "at least 0")


@dataclass(frozen=True)
class InContext(ApiModel):
    """LLMs without alignment that are shown solved questions about training users first: `none`, the base, or `api`."""

    section: ClassVar[str] = "evaluate_baselines.in_context"
    answerers: list[str]
    n_shown: int  # solved questions before each
    n_questions: int | None  # of each task; None: all

    def __post_init__(self) -> None:
        """Check who answers, and the counts."""
        super().__post_init__()
        for answerer in self.answerers:
            require_one_of(answerer, ("none", "api"), f"{self.section}.answerers")
        require(len(set(self.answerers)) == len(self.answerers), f"{self.section}.answerers", "without repeats")
        require(self.n_shown >= 1, f"{self.section}.n_shown", "at least 1")
        require(self.n_questions is None or self.n_questions >= 1, f"{self.section}.n_questions", "at least 1, or null")


@dataclass(frozen=True)
class EvaluateBaselines:
    """What the explainers are held against."""

    student_epochs: int
    in_context: InContext
