"""Whether the items that a text cites matter to the recommender, compared with random and most influential items.

Of a decision No the items that matter speak against the item: every arrow of its table is turned round.
"""

from __future__ import annotations

from recexplainer.report.charts import Bar, BarChart, chart
from recexplainer.report.inputs import Metrics, ReportInputs
from recexplainer.report.sections.causes import cause_readings, cause_table
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    SURE,
    Cell,
    Group,
    Missing,
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
from recexplainer.report.sections.curves import curve_charts
from recexplainer.report.sections.pairs import FILE as PAIRS_FILE
from recexplainer.report.sections.pairs import invention_reading, pair_table

FILE = "metrics/faithfulness_{}.json"
VARIANTS = {"mask": "the other items keep their positions", "shift": "the other items move up"}
EXPLAINERS = {
    "cited": "cited",
    "random": "random",
    "newest": "newest",
    "leave_one_out": "most influential",
    "greedy": "most influential in turn",
}
MEASURES = {
    "comprehensiveness": "Comprehensiveness ↑",
    "sufficiency": "Sufficiency ↓",
    "comprehensiveness_aopc": "Comprehensiveness, AOPC ↑",
    "sufficiency_aopc": "Sufficiency, AOPC ↓",
    "log_comprehensiveness": "Comprehensiveness in nats ↑",
    "del": "DEL ↓",
    "ins": "INS ↑",
}
MEASURES_AT_K = {
    "pn": ("PN", "↑"),
    "ps": ("PS", "↑"),
    "fns": ("FNS", "↑"),
    "pos": ("POS", "↓"),
    "neg": ("NEG", "↑"),
    "counterfactual_found": ("Displaced", "↑"),
    "counterfactual_size": ("Items until displaced", "↓"),
}
MAIN = "log_comprehensiveness"
_TURNED = str.maketrans("↑↓", "↓↑")


def faithfulness_section(inputs: ReportInputs) -> Section:
    """What the text says (verdict, invented titles), and what deleting the cited items does."""
    sources = [source for source in inputs.sources if source in inputs.faithfulness]
    missing = missing_sources(inputs.sources, inputs.faithfulness, FILE, "faithfulness")
    if not sources:
        return Section(missing=missing)
    metrics = {source: inputs.faithfulness[source] for source in sources}
    causes, pairs = cause_table(metrics), pair_table(inputs.faithfulness_pairs)
    if len(sources) > 1 and inputs.faithfulness_pairs is None:
        missing.append(Missing(PAIRS_FILE, "dvc repro compare_faithfulness"))
    return Section(
        readings=[
            *(reading for source in sources for reading in _readings(source, metrics[source])),
            *invention_reading(inputs.faithfulness_pairs, metrics),
            *cause_readings(metrics),
        ],
        charts=[c for variant in VARIANTS if (c := _chart(metrics, variant)) is not None],
        curves=curve_charts(metrics, "mask"),
        hidden_curves=curve_charts(metrics, "shift"),
        tables=[table for table in (_text_table(metrics), causes, pairs) if table is not None],
        details=[
            _feature_table(metrics),
            *(_deletion_table(metrics, variant, "") for variant in VARIANTS),
            *(_deletion_table(metrics, variant, "no_decisions") for variant in VARIANTS),
        ],
        files=[FILE.format(source) for source in sources] + ([PAIRS_FILE] if pairs else []),
        missing=missing,
    )


def _feature_table(metrics: dict[str, Metrics]) -> Table:
    names = {"fmr": "FMR ↑", "fcr": "FCR ↑", "div": "DIV ↓", "usr": "USR ↑"}
    rows = figure_rows(
        ((s, s, SOURCE_HINTS[s], [figure(m, name) for name in names]) for s, m in metrics.items()),
        lowest=frozenset({2}),
    )
    caption = (
        "Features: share of texts that name one of the item's, share of all features named, mean number that two texts "
        "share, share of distinct texts"
    )
    return Table(list(names.values()), [Group("", rows)], caption)


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
        "Invented titles ↓",
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
    hint = f"Loss of the item's log-probability when as many items are deleted, in nats; {VARIANTS[variant]}"
    return chart("Deleted and masked" if variant == "mask" else "Deleted and closed up", bars, hint=hint)


def _deletion_table(metrics: dict[str, Metrics], variant: str, part: str) -> Table:
    groups = []
    for source, figures in metrics.items():
        figures = figures.get(part, {}) if part else figures
        ranks = [name for name in figures if name.split("@")[0] in MEASURES_AT_K]
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
    names = [_column_name(column) for column in columns]
    decision = "would recommend; cited items should speak for them"
    if part:
        names = [name.translate(_TURNED) for name in names]
        decision = "would not recommend; cited items should speak against them"
    return Table(names, groups, f"Items that the recommender {decision}; {VARIANTS[variant]}")


def _column_name(measure: str) -> str:
    if measure in MEASURES:
        return MEASURES[measure]
    name, k = measure.split("@")
    return f"{MEASURES_AT_K[name][0]}@{k} {MEASURES_AT_K[name][1]}"


def _readings(source: str, metrics: Metrics) -> list[str]:
    table = metrics.get(MAIN, {}).get("mask", {})
    cited, random, newest = figure(table, "cited"), figure(table, "random"), figure(table, "newest")
    p_value, unseen = figure(table, "p_value_over_random"), figure(metrics, "hallucination_rate")
    n_compared = figure(metrics, "n_compared")
    parts = []
    if cited is not None and random is not None and p_value is not None:
        if p_value < SURE:
            parts.append(f"the items it cites matter more to the recommender than random ones ({chance(p_value)})")
            if newest is not None:
                sure = figure(metrics, "evidence", "mask", "p_value")
                more = "and more" if sure is None or sure < SURE else "but not measurably more"
                word = more if cited > newest else "but no more"
                parts[-1] += f" {word} than the newest ones ({write(cited, 2)} against {write(newest, 2)} nats)"
        else:
            parts.append(f"the items it cites do not measurably matter more than random ones ({chance(p_value)})")
    elif not n_compared:
        parts.append("it cites too little to be tested")
    if unseen is not None:
        parts.append(f"{percent(unseen)} of the titles it names are not in the history")
    return [f"“{source}”: {'; '.join(parts)}."] if parts else []
