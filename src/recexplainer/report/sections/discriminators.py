"""Whether a text tells who wrote it and which score was given, compared with what its verdict alone tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recexplainer.report import published
from recexplainer.report.charts import Axis, Bar, BarChart, chart
from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    Group,
    Missing,
    Section,
    Table,
    confusion,
    figure,
    figure_rows,
    interval,
    percent,
    plain,
    write,
)

FILE = "metrics/discriminators.json"
READERS = {"text": "words", "encoder": "encoder"}
VIEWS = {
    "text": "the whole text",
    "verdict_masked": "without Yes and No",
    "encoder": "the whole text, encoder",
    "encoder_verdict_masked": "without Yes and No, encoder",
    "verdict_only": "the verdict alone",
    "length_only": "the length alone",
}
FLOORS = ("majority", "mean")
LOWEST_R2 = -0.5


def discriminators_section(metrics: Metrics | None) -> Section:
    """Accuracy and confusion of the source classifier; error and R² of each score predictor."""
    if metrics is None:
        return Section(missing=[Missing(FILE, "dvc repro discriminate")])
    classifier, predictors = metrics.get("source_classifier", {}), metrics.get("score_predictor", {})
    return Section(
        readings=[*_source_reading(classifier), *_score_readings(metrics)],
        charts=[_accuracy_chart(classifier), *_r2_charts(predictors)],
        confusions=[
            confusion(f"read by {name}", figures["labels"], figures["labels"], figures["confusion"])
            for view, name in READERS.items()
            if (figures := classifier.get(view, {})).get("confusion")
        ],
        tables=[_error_table(predictors)],
        files=[FILE],
        extra={"counts": _counts(metrics)},
    )


def _views(figures: Iterable[Metrics]) -> dict[str, str]:
    """The views that any of the figures have, under the names to show; an unknown one under its own."""
    found = dict.fromkeys(view for one in figures for view, value in one.items() if isinstance(value, Mapping))
    known = {view: name for view, name in VIEWS.items() if view in found}
    return known | {view: view.replace("_", " ") for view in found if view not in VIEWS and view not in FLOORS}


def _accuracy_chart(classifier: Metrics) -> BarChart:
    chosen = figure(classifier, "majority", "accuracy")
    bars = [
        Bar(
            name,
            figure(classifier, view, "accuracy"),
            "strong" if view in READERS else "control",
            interval(classifier, view, "accuracy_interval"),
            mark=chosen,
        )
        for view, name in _views([classifier]).items()
    ]
    return chart("Who wrote it? Accuracy", bars, mark="guessing one source", high=1.0)


def _r2_charts(predictors: Metrics) -> list[BarChart]:
    """One chart per source, all on one axis; values far below zero are cut off: nothing was learnt there."""
    bars = {
        source: [
            Bar(
                name,
                figure(figures, view, "r2"),
                source if view in READERS else "control",
                interval(figures, view, "r2_interval"),
            )
            for view, name in _views([figures]).items()
        ]
        for source, figures in predictors.items()
    }
    lows = [end for rows in bars.values() for bar in rows for end in (bar.value, *(bar.interval or ()))]
    axis = Axis(max(LOWEST_R2, Axis.spanning(lows).low), 1.0)
    return [BarChart(f"The recommender's score from “{source}”, R²", rows, axis) for source, rows in bars.items()]


def _error_table(predictors: Metrics) -> Table:
    names = _views(predictors.values())
    views = [*names, "mean"]
    rows = figure_rows(
        (
            (source, source, SOURCE_HINTS.get(source, ""), [figure(figures, views[0], "mse")])
            for source, figures in predictors.items()
        ),
        lowest=frozenset({0}),
    )
    for row, figures in zip(rows, predictors.values(), strict=True):
        controls = [figure(figures, view, "mse") for view in views[1:]]
        row.cells.extend(plain([*controls, figure(figures, views[0], "spearman")]))
        row.cells.extend(plain([published.SCORE_MSE.get(row.name)], digits=2))
    columns = [f"MSE, {name}" for name in names.values()]
    columns += ["MSE, always the mean", "Spearman, the whole text", "Paper's MSE, whole text"]
    return Table(columns, [Group("", rows)], "Error of the predicted score; the paper's scores have another scale")


def _counts(metrics: Metrics) -> str:
    parts = [
        (figure(metrics, "n_train_users"), "training users"),
        (figure(metrics, "n_test_users"), "test users"),
        (figure(metrics, "n_test_cases"), "test cases per source"),
    ]
    return ", ".join(f"{count:.0f} {name}" for count, name in parts if count is not None)


def _source_reading(classifier: Metrics) -> list[str]:
    text, guess = figure(classifier, "text", "accuracy"), figure(classifier, "majority", "accuracy")
    length = figure(classifier, "length_only", "accuracy")
    if text is None or guess is None or length is None:
        return []
    return [
        f"A classifier that reads the words finds the source in {percent(text)} of the cases, "
        f"one that reads only the length in {percent(length)}, guessing in {percent(guess)}."
    ]


def _score_readings(metrics: Metrics) -> list[str]:
    """What the intervals of the paired differences allow to say, and no more."""
    readings = []
    differences = metrics.get("mse_differences", {})
    for source, reader in ((source, reader) for source in differences for reader in READERS):
        key = f"{reader}_minus_verdict_only"
        ends, value = (
            interval(differences, source, key, "difference_interval"),
            figure(differences, source, key, "difference"),
        )
        if ends is None or value is None:
            continue
        span = f"difference in MSE {write(value, 2)}, 95 % interval {write(ends[0], 2)} to {write(ends[1], 2)}"
        if ends[1] < 0:
            claim = "carries more of the score than its verdict alone"
        elif ends[0] > 0:
            claim = "predicts the score worse than its verdict alone"
        else:
            claim = "does not measurably carry more of the score than its verdict alone"
        by = f", read by the {READERS[reader]}," if reader != "text" else ""
        readings.append(f"The text of “{source}”{by} {claim} ({span}).")
    return readings
