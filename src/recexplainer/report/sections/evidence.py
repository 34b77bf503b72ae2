"""What texts cite compared with what carries the decisions, whether readers would be misled, and what the LLM knows."""

from __future__ import annotations

from recexplainer.report.charts import Bar, BarChart, chart
from recexplainer.report.inputs import Metrics, ReportInputs
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
    interval,
    percent,
    plain,
    short_chance,
    write,
)

FILE = "metrics/faithfulness_{}.json"
MAIN = "shift"
VARIANTS = {"shift": "older items move up", "mask": "the other items keep their positions"}
SUPPLIERS = {"free": "its own citations", "own": "its answer to the question", "self": "its own deletions"}
TOLD = "recommender"


def evidence_section(inputs: ReportInputs) -> Section:
    """The figures of `evidence` of every source that was measured."""
    found = {
        s: inputs.faithfulness[s]["evidence"] for s in inputs.sources if inputs.faithfulness.get(s, {}).get("evidence")
    }
    missing = [Missing(FILE.format(s), f"dvc repro faithfulness@{s}") for s in inputs.sources if s not in found]
    if not found:
        return Section(missing=missing)
    charts = [*(_score_chart(found, variant) for variant in VARIANTS), _known_chart(found), *_reader_charts(found)]
    return Section(
        readings=[reading for source, figures in found.items() for reading in _readings(source, figures)],
        charts=[own for own in charts if own is not None],
        tables=[_score_table(found, MAIN, "")],
        details=[
            _score_table(found, "mask", ""),
            *(_score_table(found, variant, "no_decisions") for variant in VARIANTS),
            _attribute_table(found),
        ],
        files=[FILE.format(source) for source in found],
        missing=missing,
    )


def _score_chart(found: dict[str, Metrics], variant: str) -> BarChart | None:
    bars = [
        _bar(source, figures.get(variant), "evidence_score", source, "newest_score")
        for source, figures in found.items()
    ]
    hint = f"0: random items, 1: the most influential ones; {VARIANTS[variant]}"
    title = "Evidence score" if variant == MAIN else "Evidence score, masked"
    return _chart_of(title, bars, hint, "as many newest items")


def _known_chart(found: dict[str, Metrics]) -> BarChart | None:
    bars = [
        _bar(f"{source}: {SUPPLIERS[supplier]}", own.get(MAIN), "evidence_score", source, "newest_score")
        for source, figures in found.items()
        for supplier, own in figures.get("known", {}).items()
    ]
    return _chart_of(
        "What the LLM knows", bars, "Evidence score of what it names without being told", "as many newest items"
    )


def _reader_charts(found: dict[str, Metrics]) -> list[BarChart | None]:
    titles = {
        "misleading_texts": (
            "Misleading texts",
            "Share that cites an item that does not carry the decision; lower is better",
        ),
        "texts_without_true_reason": (
            "Texts without a true reason",
            "Share that cites no item that carries the decision",
        ),
    }
    return [
        _chart_of(title, [_bar(s, figures.get(MAIN), name, s) for s, figures in found.items()], hint, "", high=1.0)
        for name, (title, hint) in titles.items()
    ]


def _bar(label: str, figures: Metrics | None, name: str, kind: str, mark: str = "") -> Bar:
    ends = interval(figures, f"{name}_interval")
    return Bar(label, figure(figures, name), kind, ends, figure(figures, mark) if mark else None)


def _chart_of(title: str, bars: list[Bar], hint: str, mark: str, high: float = 0.0) -> BarChart | None:
    if all(bar.value is None for bar in bars):
        return None
    return chart(title, bars, hint=hint, mark=mark, digits=2, high=high)


def _score_table(found: dict[str, Metrics], variant: str, part: str) -> Table:
    columns = [
        "Evidence score ↑", "newest items", "Nats over the newest ↑", "p",
        "First cited is strongest ↑", "newest item",
        "Misleading texts ↓", "Without a true reason ↓", "Counterfactuals hold ↑", "Decisions",
    ]  # fmt: skip
    rows = []
    for source, whole in found.items():
        figures = (whole.get(part, {}) if part else whole).get(variant, {})
        shares = (
            "evidence_top1",
            "newest_top1",
            "misleading_texts",
            "texts_without_true_reason",
            "counterfactual_truth",
        )
        scores = ("evidence_score", "newest_score", "evidence_over_newest")
        cells = [
            *plain((figure(figures, name) for name in scores), digits=2),
            Cell(short_chance(figure(figures, "p_value"))),
            *plain((figure(figures, name) for name in shares), digits=2),
            Cell(write(figure(figures, "n"), 0)),
        ]
        rows.append(Row(source, cells, source, SOURCE_HINTS.get(source, "")))
    decision = "would not recommend" if part else "would recommend"
    return Table(columns, [Group("", rows)], f"Items that the recommender {decision}; {VARIANTS[variant]}")


def _attribute_table(found: dict[str, Metrics]) -> Table:
    columns = [
        "Claims",
        "tested",
        "nothing to exchange",
        "false",
        "carry the decision ↑",
        "Nats ↑",
        "Nats, unnamed",
        "p",
    ]
    rows = []
    for source, whole in found.items():
        own = whole.get("attributes", {})
        cells = [
            *plain((figure(own, name) for name in ("n_claims", "n_tested", "n_no_exchange", "n_false")), digits=0),
            *plain((figure(own, name) for name in ("carrying", "effect", "unnamed_effect")), digits=2),
            Cell(short_chance(figure(own, "p_value_over_unnamed"))),
        ]
        rows.append(Row(source, cells, source, SOURCE_HINTS.get(source, "")))
    caption = (
        "Attributes given as reasons, tested by exchanging items that have them for items that do not; for comparison, "
        "attributes that the text does not name"
    )
    return Table(columns, [Group("", rows)], caption)


def _readings(source: str, figures: Metrics) -> list[str]:
    own = figures.get(MAIN, {})
    score, newest = figure(own, "evidence_score"), figure(own, "newest_score")
    over, p_value = figure(own, "evidence_over_newest"), figure(own, "p_value")
    parts = []
    if score is not None and newest is not None and over is not None and p_value is not None:
        word = "not measurably different from" if p_value >= SURE else "above" if over > 0 else "below"
        parts.append(
            f"what it cites scores {write(score, 2)}, {word} the newest items ({write(newest, 2)}, {chance(p_value)})"
        )
    if list(figures.get("suppliers", {})) == [TOLD]:
        parts.append("the recommender chose the cited items, so this holds by construction")
    if (lacking := figure(own, "texts_without_true_reason")) is not None:
        parts.append(f"{percent(lacking)} of the texts name no true reason")
    if (truth := figure(own, "counterfactual_truth")) is not None:
        parts.append(f"{percent(truth)} of {write(figure(own, 'n_counterfactuals'), 0)} counterfactuals hold")
    if (carrying := figure(figures, "attributes", "carrying")) is not None:
        untested = (figure(figures, "attributes", "n_claims") or 0) - (figure(figures, "attributes", "n_tested") or 0)
        parts.append(
            f"{percent(carrying)} of the attributes it names carry the decision ({write(untested, 0)} were not tested)"
        )
    return [f"“{source}”: {'; '.join(parts)}."] if parts else []
