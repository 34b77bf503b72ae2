"""Preferences: which of two sources explained a case better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Preferred = Literal["first", "second", "tie"]
PreferenceOutcome = Literal["first", "second", "tie", "unparseable", "failed"]


@dataclass(frozen=True, kw_only=True)
class Preference:
    """Which of two sources explained one case better.

    Attributes:
        explanation_id: Of the case; both sources' explanations have it.
        outcome: `first` or `second` source, `tie`; `unparseable` or `failed` when one of the judge's answers
            holds no choice, or did not come.
        by_order: Which place won when the first source's text stood first, and when it stood second; empty
            for a judge that sees no order.
        reasons: The rationales, levels or errors that it rests on.
    """

    explanation_id: str
    outcome: PreferenceOutcome
    by_order: tuple[PreferenceOutcome, ...] = ()
    reasons: tuple[str, ...] = ()
