"""How alignment is measured, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.checks import require, require_at_least, require_one_of

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
        """Check the choice and the ranges."""
        require_one_of(self.ranking, RANKINGS, "evaluate_alignment.ranking")
        bounds = dict.fromkeys(("n_beams", "max_title_tokens", "max_prompt_tokens", "row_tokens", "batch_size"), 1)
        require_at_least("evaluate_alignment", self, n_draws=0, **bounds)


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
        require_at_least(self.section, self, n_shown=1, n_questions=1)


@dataclass(frozen=True)
class EvaluateBaselines:
    """What the explainers are held against."""

    student_epochs: int
    in_context: InContext

    def __post_init__(self) -> None:
        """Check the student's training."""
        require_at_least("evaluate_baselines", self, student_epochs=1)
