"""Whether a text's Yes or No is the recommender's, and whether its probability can be believed."""

from __future__ import annotations

from recexplainer.report.charts import Axis
from recexplainer.report.inputs import Metrics, ReportInputs
from recexplainer.report.lines import Line, LineChart
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    SURE,
    Cell,
    Confusion,
    Group,
    Section,
    Table,
    chance,
    confusion,
    figure,
    figure_rows,
    missing_sources,
    plain,
    short_chance,
    write,
)

FILE = "metrics/faithfulness_{}.json"
SAID = {"Yes": "says Yes", "No": "says No", "none": "says neither"}
DECIDED = {"Yes": "would recommend", "No": "would not"}


def verdict_section(inputs: ReportInputs) -> Section:
    """Confusion of verdict and decision, reliability of the verdict's probability, and its errors, per source."""
    missing = missing_sources(inputs.sources, inputs.faithfulness, FILE, "faithfulness")
    metrics = {source: inputs.faithfulness[source] for source in inputs.sources if source in inputs.faithfulness}
    metrics = {source: figures for source, figures in metrics.items() if "calibration" in figures}
    if not metrics:
        return Section(missing=missing)
    return Section(
        readings=[reading for source, figures in metrics.items() for reading in _readings(source, figures)],
        curves=[chart for source, figures in metrics.items() if (chart := _reliability(source, figures)) is not None],
        confusions=[_confusion(source, figures) for source, figures in metrics.items()],
        tables=[_table(metrics)],
        files=[FILE.format(source) for source in metrics],
        missing=missing,
    )


def _confusion(source: str, figures: Metrics) -> Confusion:
    counts = figures.get("verdicts", {})
    said = [name for name in SAID if name != "none" or any(row.get(name) for row in counts.values())]
    return confusion(
        source,
        list(DECIDED.values()),
        [SAID[name] for name in said],
        [[int(counts.get(label, {}).get(name, 0)) for name in said] for label in DECIDED],
    )


def _reliability(source: str, figures: Metrics) -> LineChart | None:
    bins = [one for one in figures["calibration"].get("bins", []) if one["n"]]
    if not bins:
        return None
    line = Line(source, source, [(one["mean_p"], one["share_yes"]) for one in bins], [one["n"] for one in bins])
    labels = ("stated probability of Yes", "share that it would recommend")
    return LineChart(f"{source}: calibration", [line], *labels, Axis(0.0, 1.0), diagonal=True)


def _table(metrics: dict[str, Metrics]) -> Table:
    names = ("brier", "brier_of_base_rate", "ece", "ece_if_calibrated")
    rows = figure_rows(
        (
            (source, source, SOURCE_HINTS[source], [figure(figures, "verdict_agreement")])
            for source, figures in metrics.items()
        )
    )
    for row, figures in zip(rows, metrics.values(), strict=True):
        row.cells.extend(plain(figure(figures, "calibration", name) for name in names))
        row.cells.append(Cell(short_chance(figure(figures, "calibration", "p_value"))))
        row.cells.extend(plain([figure(figures, "calibration", "n")], digits=0))
    columns = [
        "Verdict agrees ↑",
        "Brier score ↓",
        "Brier, always the share of Yes",
        "Calibration error (ECE) ↓",
        "ECE of a calibrated verdict",
        "p of this error by chance",
        "Texts with a probability",
    ]
    return Table(columns, [Group("", rows)])


def _readings(source: str, figures: Metrics) -> list[str]:
    error, by_chance, p_value, score, base = (
        figure(figures, "calibration", name)
        for name in ("ece", "ece_if_calibrated", "p_value", "brier", "brier_of_base_rate")
    )
    if error is None or by_chance is None or p_value is None or score is None or base is None:
        return []
    if p_value < SURE:
        trust = (
            f"is off by {write(error)} on average, more than chance explains ({write(by_chance)}; {chance(p_value)})"
        )
    else:
        trust = f"is as well calibrated as chance allows (off by {write(error)}; by chance {write(by_chance)})"
    worth = "tells more than" if score < base else "tells no more than"
    return [f"“{source}”: its probability {trust}, and {worth} always stating the share of Yes."]
