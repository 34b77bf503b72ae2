"""Preferences: which of two sources explained a case better, and how often."""

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
        by_order: Which place won when the first source's text came first, and when it came second; empty
            for a judge that sees no order.
        reasons: The rationales, levels or errors that it rests on.
    """

    explanation_id: str
    outcome: PreferenceOutcome
    by_order: tuple[PreferenceOutcome, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OrderFigures:
    """What the order of the two texts had to do with a judge's choices.

    Attributes:
        n: Pairs with a choice in both orders.
        position_bias: Share of these in which one place won in both orders; None without such a pair.
        always_first, always_second: How many pairs that are, by the place that won.
        consistent: Share of the pairs in which both choices mean the same text, or are two ties.
    """

    n: int
    position_bias: float | None
    always_first: int
    always_second: int
    consistent: float | None


@dataclass(frozen=True, kw_only=True)
class PreferenceFigures:
    """How often the first of two sources is better. Intervals hold 95 %; a share of nothing is None.

    Attributes:
        first, second, tie, unparseable, failed: Cases of each outcome.
        n: All cases.
        win_rate: Share of the first source's wins among all wins and ties, a tie being half a win; with a bootstrap
            interval over the users.
        decided_win_rate: That among wins alone, with Wilson's interval.
        order: None for a judge that sees no order.
    """

    first: int
    second: int
    tie: int
    unparseable: int
    failed: int
    n: int
    win_rate: float | None
    win_rate_interval: list[float] | None
    decided_win_rate: float | None
    decided_win_rate_interval: list[float] | None
    order: OrderFigures | None


@dataclass(frozen=True, kw_only=True)
class SourceComparison(PreferenceFigures):
    """What the comparison of two sources found.

    Attributes:
        sources: The first and the second.
        judge: The models that judged, or `rubric`.
        costs: Prompt and completion tokens, as the servers count them; empty for the rubric.
        answered_by: How many requests each model answered; None for the rubric.
        cases: The preference in each case.
    """

    sources: tuple[str, str]
    judge: str
    costs: dict[str, int]
    answered_by: dict[str, int] | None = None
    cases: list[Preference]
