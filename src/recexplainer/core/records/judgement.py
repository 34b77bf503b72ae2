"""Judgements: the level of an explanation, by a language model or the rubric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["A", "B", "C", "D"]
GradeOutcome = Literal["A", "B", "C", "D", "unparseable", "failed"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A judge's level of one explanation of a source.

    Attributes:
        explanation_id: Which explanation.
        level: A (wrong decision), B (right, but without an explanation or with a false one), C (acceptable),
            D (satisfying); `unparseable` when the judge's answer holds no level, `failed` when no answer came.
        score: 0 to 3; None without a level.
        judge: The model that judged, or `rubric`.
        reasons: What the level rests on: the rubric's checks, or the model's rationale or its error.
    """

    explanation_id: str
    level: GradeOutcome
    score: int | None
    judge: str
    reasons: dict[str, Any]

    @property
    def rationale(self) -> str:
        """Why, in the words of the rubric or the model; its answer or error where it gave no level."""
        return next((str(self.reasons[key]) for key in _RATIONALES if key in self.reasons), "")


_RATIONALES = ("because", "rationale", "error", "answer")
