"""Ratings: the levels that people give explanations whose source they do not know."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.core.records.judgement import Level


@dataclass(frozen=True, kw_only=True)
class SheetKey:
    """Whose explanation a row of a raters' sheet shows.

    Attributes:
        id: Of the row.
        source: Who explains.
        explanation_id: Which of the source's explanations.
        text_sha256: Of the text's words.
    """

    id: str
    source: str
    explanation_id: str
    text_sha256: str


@dataclass(frozen=True, kw_only=True)
class Rating:
    """One person's level of one text.

    Attributes:
        rater: The person: the name of the filled sheet, or `<name>@mlflow`.
        id: Of the sheet's row, or of the trace in MLflow.
        source: Who explains.
        explanation_id: Which of the source's explanations.
        level: A to D, as a judge gives them.
        score: 0 to 3.
        comment: Empty where the rater wrote none.
        text_sha256: Of the text's words, as the rater saw them.
    """

    rater: str
    id: str
    source: str
    explanation_id: str
    level: Level
    score: int
    comment: str
    text_sha256: str
