"""The four levels of an explanation, and what a set of them amounts to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from recexplainer.core.records.judgement import GradeOutcome, Judgement, Level

_LEVELS: tuple[Level, ...] = get_args(Level)
SCORES: dict[str, int] = {level: score for score, level in enumerate(_LEVELS)}
UNPARSEABLE: Final = "unparseable"
FAILED: Final = "failed"
MOST_WITHOUT_LEVEL = 0.1  # share of the judgements
OUTCOMES: tuple[GradeOutcome, ...] = get_args(GradeOutcome)


@dataclass(frozen=True)
class Grade:
    """What a judge makes of one explanation: level and reasons, as in the `Judgement` that is stored of it."""

    level: GradeOutcome
    reasons: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an unknown level."""
        if self.level not in OUTCOMES:
            raise ValueError(f"unknown level {self.level!r}; known: {', '.join(OUTCOMES)}")

    @property
    def score(self) -> int | None:
        """0 to 3, None without a level."""
        return SCORES.get(self.level)

    def of(self, explanation_id: str, judge: str) -> Judgement:
        """The record of a judge's grade of one explanation."""
        return Judgement(
            explanation_id=explanation_id, level=self.level, score=self.score, judge=judge, reasons=self.reasons
        )


def level_of_letter(letter: str) -> Level | None:
    """The level that a letter is, small ones too.

    >>> level_of_letter("d"), level_of_letter("E")
    ('D', None)
    """
    return next((level for level in _LEVELS if level == letter.upper()), None)


def level_of_number(value: float) -> Level | None:
    """The level whose score a number is.

    >>> level_of_number(3.0), level_of_number(1.5)
    ('D', None)
    """
    return next((level for level in _LEVELS if SCORES[level] == value), None)


def without_level_warning(levels: Sequence[str]) -> str | None:
    """What to say of judgements when more than `MOST_WITHOUT_LEVEL` of them have no level; else None.

    >>> without_level_warning(["D"] * 9 + ["failed"]) is None
    True
    >>> without_level_warning(["D", "failed", "unparseable", "unparseable"])
    '3 of 4 have no level (2 unparseable, 1 failed); the mean covers the other 1'
    """
    n_unparseable, n_failed = (sum(level == outcome for level in levels) for outcome in (UNPARSEABLE, FAILED))
    n = n_unparseable + n_failed
    if n <= MOST_WITHOUT_LEVEL * len(levels):
        return None
    counts = f"{n_unparseable} unparseable, {n_failed} failed"
    return f"{n} of {len(levels)} have no level ({counts}); the mean covers the other {len(levels) - n}"


def summarise(levels: Sequence[str], judge: str) -> dict[str, Any]:
    """Mean score over the explanations that have a level (None if none has), and the count of each outcome.

    >>> summarise(["D", "C", "failed"], "rubric")["mean"]
    2.5

    Source: the four levels and the mean over 0–3 are those of the RecExplainer paper's evaluation by GPT-4;
        outcomes
    without a level are counted here, not dropped.
    """
    scores = [SCORES[level] for level in levels if level in SCORES]
    counts: dict[str, int] = {outcome: sum(level == outcome for level in levels) for outcome in OUTCOMES}
    mean = sum(scores) / len(scores) if scores else None
    return {"mean": mean, **counts, "n": len(levels), "judge": judge}
