"""Human ratings that were given in the MLflow UI, as feedback on an explanation's trace.

Only `tracking` imports MLflow; its client is asked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from recexplainer import store
from recexplainer.core import environment
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Level
from recexplainer.core.records.rating import Rating, SheetKey
from recexplainer.judging.grade import level_of_letter, level_of_number
from recexplainer.judging.ratings import rate, text_hash
from recexplainer.tracking import runs
from recexplainer.tracking.traces import RECORD

LEVEL, SCORE = "level", "score"  # names of feedback; the judge's own has the same
UNNAMED = "unnamed"  # a server without logins does not say who gives feedback


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What one person said of one trace.

    Attributes:
        rater: The person; None where MLflow knows no name.
        name: What is rated.
        value: Of any type.
        comment: None where there is none.
        at: When, in milliseconds.
        trace_id: Of the trace.
        source: Who explains; None where the trace does not say so, as of the next two.
        explanation_id: Which of the source's explanations.
        text: The explanation as the person saw it.
        record: The whole explanation, where the live page showed it.
    """

    rater: str | None
    name: str
    value: Any
    comment: str | None
    at: int
    trace_id: str
    source: str | None
    explanation_id: str | None
    text: str | None
    record: Explanation | None = None


def read_human_feedback(dataset: str) -> list[Feedback]:
    """What people said of the traces of a data set's experiment, in the UI or by ``mlflow.log_feedback``.

    Feedback that its author deleted or replaced is left out.

    Returns:
        The feedback; none where there is no tracking store yet.

    Raises:
        InputError: when the store cannot be reached.
    """
    file = environment.sqlite_file(environment.tracking_uri())
    if file is not None and not file.exists():
        return []
    client = runs.connect()
    experiment = runs.find_experiment(client, dataset)
    if experiment is None:
        return []
    return [given for trace in _traces(client, experiment) for given in _human_feedback(client, trace)]


def ratings_of_feedback(feedback: Iterable[Feedback]) -> tuple[list[Rating], int]:
    """What people said of explanations, as ratings like those of a sheet.

    Feedback named `level` (A to D, small letters too) or `score` (0 to 3) is a rating; any other is about something
    else. Of several ratings of one text by one person the newest counts, and a level before a score.

    Args:
        feedback: As `read_human_feedback` returns it.

    Returns:
        Ratings like those of `read_filled`, whose raters are called `<name>@mlflow`; and how much feedback named
        `level` or `score` cannot be used: another value, or a trace that does not say whose explanation it shows.
    """
    about_level = [given for given in feedback if given.name in (LEVEL, SCORE)]
    ordered = sorted(about_level, key=lambda given: (given.name == LEVEL, given.at))
    ratings = [rating for given in ordered if (rating := _rating(given)) is not None]
    rated = {(of.rater, of.source, of.explanation_id, of.text_sha256): of for of in ratings}
    return list(rated.values()), len(ordered) - len(ratings)


def _rating(given: Feedback) -> Rating | None:
    """The rating that feedback amounts to; None where it cannot be used."""
    level = _level(given.value)
    if level is None or not given.source or not given.explanation_id or given.text is None:
        return None
    shown = SheetKey(
        id=given.trace_id,
        source=given.source,
        explanation_id=given.explanation_id,
        text_sha256=text_hash(given.text),
    )
    return rate(f"{given.rater or UNNAMED}@mlflow", shown, level, given.comment or "")


def _traces(client: Any, experiment: str) -> Iterator[Any]:
    """All traces of an experiment, without what was asked and answered in them."""
    token: str | None = None
    while True:
        page = client.search_traces(locations=[experiment], include_spans=False, page_token=token, max_results=500)
        yield from page
        token = page.token
        if not token:
            return


def _human_feedback(client: Any, trace: Any) -> list[Feedback]:
    given = [
        assessment
        for assessment in trace.info.assessments
        if assessment.feedback is not None
        and assessment.valid is not False
        and assessment.source.source_type == "HUMAN"
    ]
    if not given:
        return []
    spans = client.get_trace(trace.info.trace_id).data.spans
    outputs = spans[0].outputs if spans and isinstance(spans[0].outputs, dict) else {}
    shown = {
        "trace_id": trace.info.trace_id,
        "source": trace.info.tags.get("source"),
        "explanation_id": trace.info.tags.get("explanation_id"),
        "text": outputs.get("text"),
        "record": _record(outputs, trace.info.trace_id),
    }
    return [
        Feedback(
            rater=assessment.source.source_id or None,
            name=assessment.name,
            value=assessment.feedback.value if assessment.feedback else None,
            comment=assessment.rationale,
            at=assessment.last_update_time_ms,
            **shown,
        )
        for assessment in given
    ]


def _record(outputs: dict[str, Any], trace_id: str) -> Explanation | None:
    if RECORD not in outputs:
        return None
    row = json.dumps(outputs[RECORD])
    return store.from_row(row, Explanation, f"trace {trace_id}", "delete the trace in the MLflow UI")


def _level(value: Any) -> Level | None:
    """The level that a value names: a letter, or a whole number.

    >>> [_level(value) for value in ("b", 3, 2.0, "E", 1.5, True, None)]
    ['B', 'D', 'C', None, None, None, None]
    """
    if isinstance(value, str):
        return level_of_letter(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return level_of_number(value)
