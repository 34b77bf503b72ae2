"""Whether the items that a text cites matter to the recommender, beside random and most influential items."""

from __future__ import annotations

from recexplainer.report.charts import Bar, BarChart, chart
from recexplainer.report.inputs import Metrics, ReportInputs
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    SURE,
    Cell,
    Group,
    Row,
    Section,
    Table,
    chance,
    figure,
    figure_rows,
    missing_sources,
    percent,
    plain,
    write,
)

FILE = "metrics/faithfulness_{}.json"
VARIANTS = {"mask": "the other items keep their places", "shift": "the other items move up"}
EXPLAINERS = {"cited": "cited", "random": "random", "leave_one_out": "most influential"}
MEASURES = {
    "comprehensiveness": "Comprehensiveness ↑",
    "sufficiency": "Sufficiency ↓",
    "comprehensiveness_aopc": "Comprehensiveness, AOPC ↑",
    "sufficiency_aopc": "Sufficiency, AOPC ↓",
    "log_comprehensiveness": "Comprehensiveness in nats ↑",
}
MAIN = "log_comprehensiveness"


def faithfulness_section(inputs: ReportInputs) -> Section:
    """What the text says (verdict, invented titles), and what deleting the cited items does."""
    sources = [source for source in inputs.sources if source in inputs.faithfulness]
    missing = missing_sources(inputs.sources, inputs.faithfulness, FILE, "faithfulness")
    if not sources:
        return Section(missing=missing)
    metrics = {source: inputs.faithfulness[source] for source in sources}
    return Section(
        readings=[reading for source in sources for reading in _readings(source, metrics[source])],
        charts=[c for variant in VARIANTS if (c := _chart(metrics, variant)) is not None],
        tables=[_text_table(metrics)],
        details=[
            *(_deletion_table(metrics, variant, "") for variant in VARIANTS),
            *(_deletion_table(metrics, variant, "no_decisions") for variant in VARIANTS),
        ],
        files=[FILE.format(source) for source in sources],
        missing=missing,
    )


def _text_table(metrics: dict[str, Metrics]) -> Table:
    shares = ("verdict_agreement", "hallucination_rate", "invented_rate", "texts_naming_target")
    rows = figure_rows(
        ((s, s, SOURCE_HINTS[s], [figure(m, name) for name in shares]) for s, m in metrics.items()),
        lowest=frozenset({1, 2}),
    )
    for row, figures in zip(rows, metrics.values(), strict=True):
        row.cells.extend(plain([figure(figures, "cited_items_mean")], digits=2))
        n_citing, n = write(figure(figures, "n_citing"), 0), write(figure(figures, "n"), 0)
        row.cells.append(Cell(f"{n_citing} of {n}"))
    columns = [
        "Verdict agrees ↑",
        "Titles not in the history ↓",
        "of these invented ↓",
        "Texts that name the target",
        "History items cited",
        "Texts that cite",
    ]
    return Table(columns, [Group("", rows)])


def _chart(metrics: dict[str, Metrics], variant: str) -> BarChart | None:
    bars = []
    for source, figures in metrics.items():
        table = figures.get(MAIN, {}).get(variant, {})
        for explainer, name in EXPLAINERS.items():
            value = figure(table, explainer)
            p_value = figure(table, "p_value_over_random")
            note = chance(p_value) if explainer == "cited" and p_value is not None else ""
            label = f"{source}: {name}" if explainer == "cited" else name
            bars.append(Bar(label, value, source if explainer == "cited" else f"control {explainer}", note=note))
    if all(bar.value is None for bar in bars):
        return None
    hint = f"What the log-probability of the item loses without as many items, in nats; {VARIANTS[variant]}"
    return chart("Deleted and masked" if variant == "mask" else "Deleted and closed up", bars, hint=hint)


def _deletion_table(metrics: dict[str, Metrics], variant: str, part: str) -> Table:
    groups = []
    for source, figures in metrics.items():
        figures = figures.get(part, {}) if part else figures
        ranks = sorted(name for name in figures if name.startswith(("pn@", "ps@", "fns@")))
        columns = [*MEASURES, *ranks]
        rows = [
            Row(
                name,
                plain((figure(figures, column, variant, explainer) for column in columns), digits=4),
                source if explainer == "cited" else "",
            )
            for explainer, name in EXPLAINERS.items()
        ]
        n_compared = write(figure(figures, "n_compared"), 0)
        groups.append(Group(f"{source} ({n_compared} explanations compared)", rows))
    names = [MEASURES.get(column, column.upper()) for column in columns]
    decision = "would not recommend" if part else "would recommend"
    return Table(names, groups, f"Items that the recommender {decision}; {VARIANTS[variant]}")


def _readings(source: str, metrics: Metrics) -> list[str]:
    table = metrics.get(MAIN, {}).get("mask", {})
    cited, random = figure(table, "cited"), figure(table, "random")
    p_value, unseen = figure(table, "p_value_over_random"), figure(metrics, "hallucination_rate")
    n_compared = figure(metrics, "n_compared")
    parts = []
    if cited is not None and random is not None and p_value is not None:
        if p_value < SURE:
            parts.append(f"the items it cites matter more to the recommender than random ones ({chance(p_value)})")
        else:
            parts.append(f"the items it cites cannot be told from random ones ({chance(p_value)})")
    elif not n_compared:
        parts.append("it cites too little to be tested")
    if unseen is not None:
        parts.append(f"{percent(unseen)} of the titles it names are not in the history")
    return [f"“{source}”: {'; '.join(parts)}."] if parts else []
