"""Human ratings that were given in the MLflow UI, as feedback on an explanation's trace.

Only `tracking` imports MLflow; its client is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from recexplainer.core import environment
from recexplainer.judging.judgement import SCORES, level_of_number
from recexplainer.judging.ratings import text_hash
from recexplainer.tracking import runs

LEVEL, SCORE = "level", "score"  # names of feedback; the judge's own has the same
UNNAMED = "unnamed"  # a server without logins does not say who gives feedback

Record = dict[str, Any]


def read_human_feedback(dataset: str) -> list[Record]:
    """What people said of the traces of a data set's experiment, in the UI or by ``mlflow.log_feedback``.

    Feedback that its author took back or has written anew since is left out.

    Returns:
        Rows with `rater` (None where MLflow knows no name), `name`, `value`, `comment`, `at` (milliseconds),
        `trace_id`, `source`, `explanation_id` and `text`; the last three are None where the trace does not have them.
        No rows where there is no tracking store yet.

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
    return [row for trace in _traces(client, experiment) for row in _human_feedback(client, trace)]


def ratings_of_feedback(feedback: Iterable[Record]) -> tuple[list[Record], int]:
    """What people said of explanations, as ratings like those of a sheet.

    Feedback named `level` (A to D, small letters too) or `score` (0 to 3) is a rating; any other is about something
    else. Of several ratings of one text by one person the newest counts, and a level before a score.

    Args:
        feedback: Rows of `read_human_feedback`.

    Returns:
        Ratings like those of `read_filled`, whose raters are called `<name>@mlflow`; and how many rows named `level`
        or `score` cannot be used: another value, or a trace that does not say whose explanation it shows.
    """
    rated: dict[tuple, Record] = {}
    n_unusable = 0
    for row in sorted(feedback, key=lambda row: (row["name"] == LEVEL, row["at"])):
        if row["name"] not in (LEVEL, SCORE):
            continue
        level = _level(row["value"])
        if level is None or not row["source"] or not row["explanation_id"] or row["text"] is None:
            n_unusable += 1
            continue
        rating = {
            "rater": f"{row['rater'] or UNNAMED}@mlflow",
            "id": row["trace_id"],
            "source": row["source"],
            "explanation_id": row["explanation_id"],
            "level": level,
            "score": SCORES[level],
            "comment": row["comment"] or "",
            "text_sha256": text_hash(row["text"]),
        }
        rated[tuple(rating[name] for name in ("rater", "source", "explanation_id", "text_sha256"))] = rating
    return list(rated.values()), n_unusable


def _traces(client: Any, experiment: str) -> Iterator[Any]:
    """All traces of an experiment, without what was asked and answered in them."""
    token: str | None = None
    while True:
        page = client.search_traces(locations=[experiment], include_spans=False, page_token=token, max_results=500)
        yield from page
        token = page.token
        if not token:
            return


def _human_feedback(client: Any, trace: Any) -> list[Record]:
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
    outputs = spans[0].outputs if spans else None
    shown = {
        "trace_id": trace.info.trace_id,
        "source": trace.info.tags.get("source"),
        "explanation_id": trace.info.tags.get("explanation_id"),
        "text": outputs.get("text") if isinstance(outputs, dict) else None,
    }
    return [
        {
            "rater": assessment.source.source_id or None,
            "name": assessment.name,
            "value": assessment.feedback.value if assessment.feedback else None,
            "comment": assessment.rationale,
            "at": assessment.last_update_time_ms,
            **shown,
        }
        for assessment in given
    ]


def _level(value: Any) -> str | None:
    """The level that a value names: a letter, or a whole number.

    >>> [_level(value) for value in ("b", 3, 2.0, "E", 1.5, True, None)]
    ['B', 'D', 'C', None, None, None, None]
    """
    if isinstance(value, str):
        return value.strip().upper() if value.strip().upper() in SCORES else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return level_of_number(value)
