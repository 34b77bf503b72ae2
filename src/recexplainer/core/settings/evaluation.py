"""How alignment is measured, and what it is held against."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.alignment import ALIGNED_MODES
from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.kinds import DISTINCT, SECTION, Count, CountOrZero, one_of


@dataclass(frozen=True, config=SECTION)
class EvaluateAlignment:
    """How alignment is measured."""

    sources: Annotated[list[Annotated[str, one_of((*ALIGNED_MODES, "none"))]], DISTINCT]
    tasks: list[str]
    n_beams: Count
    ranking: Literal["constrained", "free"]  # whether its answers are constrained to the candidates
    max_title_tokens: Count
    max_prompt_tokens: Count
    row_tokens: Count
    batch_size: Count
    n_draws: CountOrZero  # of users, for the intervals; 0: no intervals


@dataclass(frozen=True, config=SECTION)
class InContext(ApiModel):
    """LLMs without alignment that are shown solved questions about training users first: `none`, the base, or `api`."""

    section: ClassVar[str] = "evaluate_baselines.in_context"
    answerers: Annotated[list[Literal["none", "api"]], DISTINCT]
    n_shown: Count  # solved questions before each
    n_questions: Count | None  # of each task; None: all


@dataclass(frozen=True, config=SECTION)
class EvaluateBaselines:
    """What the explainers are held against."""

    student_epochs: Count
    in_context: InContext


@dataclass(frozen=True, config=SECTION)
class Audit:
    """What is asked about the recommender as a whole."""

    n_decisions: Count  # of each part of the rankings: top, disliked items, bottom
    variant: Literal["shift", "mask"]  # how items are deleted
    n_near: Count  # so many items count as alike in text, or as often taken together
    n_draws: CountOrZero  # of users, for the intervals; 0: no intervals
    against: str | None  # another recommender to compare with: models:/name@alias, models:/name/version, or a folder
