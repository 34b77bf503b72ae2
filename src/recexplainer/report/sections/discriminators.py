"""Whether a text tells who wrote it and which score was given, beside what its verdict alone tells."""

from __future__ import annotations

from typing import Any

from recexplainer.report import published
from recexplainer.report.charts import Axis, Bar, BarChart, chart
from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    Group,
    Missing,
    Section,
    Table,
    figure,
    figure_rows,
    interval,
    percent,
    plain,
    write,
)

FILE = "metrics/discriminators.json"
VIEWS = {
    "text": "the whole text",
    "verdict_masked": "without Yes and No",
    "verdict_only": "the verdict alone",
    "length_only": "the length alone",
}
LOWEST_R2 = -0.5


def discriminators_section(metrics: Metrics | None) -> Section:
    """Accuracy and confusion of the source classifier; error and R² of each score predictor."""
    if metrics is None:
        return Section(missing=[Missing(FILE, "dvc repro discriminate")])
    classifier, predictors = metrics.get("source_classifier", {}), metrics.get("score_predictor", {})
    return Section(
        readings=[*_source_reading(classifier), *_score_readings(metrics)],
        charts=[_accuracy_chart(classifier), *_r2_charts(predictors)],
        tables=[_error_table(predictors)],
        files=[FILE],
        extra={"confusion": confusion_rows(classifier.get("text", {})), "counts": _counts(metrics)},
    )


def confusion_rows(figures: Metrics) -> list[dict[str, Any]]:
    """Per true source, each predicted source's count and share of the row.

    >>> confusion_rows({"labels": ["a", "b"], "confusion": [[3, 1], [0, 0]]})[0]["cells"]
    [{'label': 'a', 'count': 3, 'share': 0.75}, {'label': 'b', 'count': 1, 'share': 0.25}]
    """
    labels = figures.get("labels", [])
    rows = []
    for label, counts in zip(labels, figures.get("confusion", []), strict=True):
        total = sum(counts) or 1
        cells = [
            {"label": given, "count": count, "share": round(count / total, 4)}
            for given, count in zip(labels, counts, strict=True)
        ]
        rows.append({"label": label, "cells": cells})
    return rows


def _accuracy_chart(classifier: Metrics) -> BarChart:
    chosen = figure(classifier, "majority", "accuracy")
    bars = [
        Bar(
            name,
            figure(classifier, view, "accuracy"),
            "strong" if view == "text" else "control",
            interval(classifier, view, "accuracy_interval"),
            mark=chosen,
        )
        for view, name in VIEWS.items()
    ]
    return chart("Who wrote it? Accuracy", bars, mark="guessing one source", high=1.0)


def _r2_charts(predictors: Metrics) -> list[BarChart]:
    """One chart per source, all on one axis; what lies far below zero is cut off: nothing is learnt there."""
    bars = {
        source: [
            Bar(
                name,
                figure(figures, view, "r2"),
                source if view == "text" else "control",
                interval(figures, view, "r2_interval"),
            )
            for view, name in VIEWS.items()
        ]
        for source, figures in predictors.items()
    }
    lows = [end for rows in bars.values() for bar in rows for end in (bar.value, *(bar.interval or ()))]
    axis = Axis(max(LOWEST_R2, Axis.spanning(lows).low), 1.0)
    return [BarChart(f"The recommender's score from “{source}”, R²", rows, axis) for source, rows in bars.items()]


def _error_table(predictors: Metrics) -> Table:
    views = [*VIEWS, "mean"]
    rows = figure_rows(
        (
            (source, source, SOURCE_HINTS.get(source, ""), [figure(figures, "text", "mse")])
            for source, figures in predictors.items()
        ),
        lowest=frozenset({0}),
    )
    for row, figures in zip(rows, predictors.values(), strict=True):
        controls = [figure(figures, view, "mse") for view in views[1:]]
        row.cells.extend(plain([*controls, figure(figures, "text", "spearman")]))
        row.cells.extend(plain([published.SCORE_MSE.get(row.name)], digits=2))
    columns = [f"MSE, {name}" for name in VIEWS.values()]
    columns += ["MSE, always the mean", "Spearman, the whole text", "Paper's MSE, whole text"]
    return Table(columns, [Group("", rows)], "Error of the predicted score; the paper's scores have another scale")


def _counts(metrics: Metrics) -> str:
    parts = [
        (figure(metrics, "n_train_users"), "users to learn from"),
        (figure(metrics, "n_test_users"), "other users to test on"),
        (figure(metrics, "n_test_cases"), "tested cases per source"),
    ]
    return ", ".join(f"{count:.0f} {name}" for count, name in parts if count is not None)


def _source_reading(classifier: Metrics) -> list[str]:
    text, guess = figure(classifier, "text", "accuracy"), figure(classifier, "majority", "accuracy")
    length = figure(classifier, "length_only", "accuracy")
    if text is None or guess is None or length is None:
        return []
    return [
        f"From its words, the writer of a text is told in {percent(text)} of the cases; "
        f"from its length alone in {percent(length)}; by guessing in {percent(guess)}."
    ]


def _score_readings(metrics: Metrics) -> list[str]:
    """What the intervals of the paired differences allow to say, and no more."""
    readings = []
    for source, differences in metrics.get("mse_differences", {}).items():
        ends = interval(differences, "text_minus_verdict_only", "difference_interval")
        value = figure(differences, "text_minus_verdict_only", "difference")
        if ends is None or value is None:
            continue
        span = f"difference in MSE {write(value, 2)}, 95 % interval {write(ends[0], 2)} to {write(ends[1], 2)}"
        if ends[1] < 0:
            claim = "carries more of the score than its verdict alone"
        elif ends[0] > 0:
            claim = "predicts the score worse than its verdict alone"
        else:
            claim = "does not measurably carry more of the score than its verdict alone"
        readings.append(f"The text of “{source}” {claim} ({span}).")
    return readings
