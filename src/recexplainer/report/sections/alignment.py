"""How well each LLM predicts what the recommender predicts, compared with baselines and the paper's figures."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.report import published
from recexplainer.report.charts import Bar, BarChart, chart
from recexplainer.report.inputs import Metrics, ReportInputs
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    Group,
    Missing,
    Row,
    Section,
    Table,
    figure,
    figure_rows,
    missing_sources,
    percent,
)

FILE = "metrics/alignment_{}.json"
BASELINES_FILE = "metrics/alignment_baselines.json"
CONSTRAINED = (
    "Here the LLM may answer only with titles of the catalogue, or with the candidates; in the paper it answers in "
    "free text. “All figures” also contains answers in free text."
)
BASELINE_HINTS = {
    "random": "answers at random",
    "popularity": "the most popular items",
    "student": "distilled from the recommender",
}
PAPER_NAMES = {"none": "LLM, zero-shot"}


@dataclass(frozen=True)
class Measure:
    """One column; one with a hint has a chart too. A `/` in `metric` parts nested keys."""

    task: str
    metric: str
    name: str
    hint: str = ""
    lowest: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The figure's keys in a metrics file."""
        return self.task, *self.metric.split("/")


MEASURES = (
    Measure(
        "next_item_retrieval",
        "hr@5",
        "Next item, HR@5",
        "the recommender's first item among five answers outside of the history",
    ),
    Measure("next_item_retrieval", "ndcg@5", "Next item, NDCG@5"),
    Measure("item_ranking", "paper_ndcg@5", "Ranking, paper's gain", "five candidates in order; at random 0.613"),
    Measure("interest_classification", "accuracy", "Interest, accuracy", "would it recommend this? at random 0.5"),
    Measure("evidence", "evidence_top1", "Evidence, first item", "is it the item that the decision rests on most?"),
    Measure("history_reconstruction", "hcr", "History", "share of the history named from a user vector"),
    Measure(
        "item_discrimination",
        "title_accuracy",
        "Titles",
        "from the vector, or from the description in modes without vectors",
    ),
)
FURTHER_MEASURES = (
    Measure("next_item_retrieval", "free/hr@5", "Next item in free text, HR@5"),
    Measure("next_item_retrieval", "free/ndcg@5", "Next item in free text, NDCG@5"),
    Measure("item_ranking", "ndcg@5", "Ranking, NDCG@5"),
    Measure("item_ranking", "kendall_tau", "Ranking, Kendall's τ"),
    Measure("interest_classification", "auc", "Interest, AUC"),
    Measure("evidence", "newest_top1", "Evidence, newest item as the answer"),
    Measure("next_item_retrieval", "invalid_rate", "Next item in free text, not a title", lowest=True),
    Measure("item_ranking", "invalid_rate", "Ranking, not an order", lowest=True),
    Measure("evidence", "invalid_rate", "Evidence in free text, outside the history", lowest=True),
)


def alignment_section(inputs: ReportInputs) -> Section:
    """One chart per main measure and one table of all, with the paper's rows below."""
    missing = missing_sources(inputs.measured, inputs.alignment, FILE, "evaluate_alignment")
    if inputs.baselines is None:
        missing.append(Missing(BASELINES_FILE, "dvc repro evaluate_baselines"))
    sources = list(inputs.alignment)
    baselines = inputs.baselines or {}
    if not sources and not baselines:
        return Section(missing=missing)
    measured = {source: inputs.alignment[source] for source in sources} | {
        name: figures for name, figures in baselines.items() if isinstance(figures, dict)
    }
    charts = [_chart(measure, measured) for measure in MEASURES if measure.hint]
    return Section(
        readings=_readings(inputs),
        charts=[drawn for drawn in charts if drawn.bars],
        tables=[_table(measured, sources, MEASURES, CONSTRAINED)],
        details=[_table(measured, sources, FURTHER_MEASURES)],
        files=[FILE.format(source) for source in sources] + ([BASELINES_FILE] if baselines else []),
        missing=missing,
    )


def _chart(measure: Measure, measured: dict[str, Metrics]) -> BarChart:
    bars = [
        Bar(
            name,
            figure(figures, *measure.keys),
            name if name in SOURCE_HINTS else "control",
            mark=published.alignment(name, measure.task, measure.metric),
        )
        for name, figures in measured.items()
    ]
    bars = [bar for bar in bars if bar.value is not None]
    return chart(measure.name, bars, hint=measure.hint, mark=f"paper ({published.CITATION})", high=1.0)


def _table(measured: dict[str, Metrics], sources: list[str], measures: tuple[Measure, ...], caption: str = "") -> Table:
    lowest = frozenset(column for column, measure in enumerate(measures) if measure.lowest)

    def rows(names: list[str]) -> list[Row]:
        hints = SOURCE_HINTS | BASELINE_HINTS
        return figure_rows(
            (
                (
                    name,
                    name if name in SOURCE_HINTS else "",
                    hints.get(name, ""),
                    [figure(measured[name], *measure.keys) for measure in measures],
                )
                for name in names
            ),
            lowest=lowest,
        )

    papers = figure_rows(
        (PAPER_NAMES.get(name, name), "", "", figures)
        for name in measured
        if any(figures := [published.alignment(name, measure.task, measure.metric) for measure in measures])
    )
    groups = [
        Group("On this data", rows(sources)),
        Group("Baselines on this data", rows([name for name in measured if name not in sources])),
        Group(f"Printed in the paper ({published.CITATION}): other data, LLM of 7 B parameters", papers),
    ]
    return Table([measure.name for measure in measures], [group for group in groups if group.rows], caption)


def _readings(inputs: ReportInputs) -> list[str]:
    readings = []
    aligned = {
        source: value
        for source, figures in inputs.alignment.items()
        if source != "none" and (value := figure(figures, "next_item_retrieval", "hr@5")) is not None
    }
    if aligned:
        best = max(aligned, key=aligned.__getitem__)
        others = [
            f"{name} {percent(value)}"
            for name, figures in (
                ("the base LLM", inputs.alignment.get("none")),
                ("answering at random", (inputs.baselines or {}).get("random")),
            )
            if (value := figure(figures, "next_item_retrieval", "hr@5")) is not None
        ]
        against = f" ({', '.join(others)})" if others else ""
        readings.append(
            f"Given five answers, “{best}” names the recommender's first choice in "
            f"{percent(aligned[best])} of the cases{against}."
        )
    return readings
