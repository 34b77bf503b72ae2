"""The recommender as a whole: what carries its decisions, compared with baselines and another version."""

from __future__ import annotations

from recexplainer.report.charts import Axis, Bar, BarChart, chart
from recexplainer.report.inputs import Metrics
from recexplainer.report.lines import Line, LineChart
from recexplainer.report.sections.common import (
    Cell,
    Group,
    Missing,
    Row,
    Section,
    Table,
    figure,
    interval,
    percent,
    plain,
    write,
)
from recexplainer.report.sections.recommender import NAMES

FILE = "metrics/audit.json"
WHERE = {
    "newest": "the newest item",
    "earlier": "another shown item",
    "unshown": "an older item, not shown",
    "together": "several items only together",
    "nothing": "nothing found",
}
RELATIONS = {
    "series": "of the same series",
    "brand": "of the same brand",
    "category": "shares a category",
    "text": "has a similar text",
    "co_taken": "taken by the same users",
    "unrelated": "none of these",
}
HANGING = {"hangs_on_one": "hangs on one item"}
PARTS = {"top": "First items", "disliked": "Drawn from the disliked items", "bottom": "Last items"}
SEGMENTS = {
    "short_histories": "Short histories",
    "long_histories": "Long histories",
    "head_items": "Popular items",
    "tail_items": "Other items",
}
FLOORS = ("item_knn", "popularity")
BY_CHANCE = "a shown item drawn at random"


def audit_section(metrics: Metrics | None) -> Section:
    """Pictures of the top of the rankings, three sentences, and every share in tables."""
    if metrics is None:
        return Section(missing=[Missing(FILE, "dvc repro audit")])
    said = [
        sentence["text"].replace(" %", "\N{NO-BREAK SPACE}%")
        for sentence in metrics.get("sentences", [])
        if sentence["holds"]
    ]
    return Section(
        readings=[*said, *_change(metrics)],
        charts=[
            _kinds(metrics, "The strongest item: where it stands", WHERE),
            _kinds(metrics, "The strongest item: how it relates to the recommended one", RELATIONS),
            _beside_floors(metrics, "newest", "The newest item is the strongest: against the baselines"),
            _beside_floors(metrics, "co_taken", "An item of the same users is the strongest: against the baselines"),
            _ends(metrics),
            _hanging(metrics),
        ],
        curves=_concentration(metrics),
        details=[_table(metrics, part) for part in PARTS] + [_segments(metrics), *_named(metrics)],
        files=[FILE],
    )


def _name(metrics: Metrics, who: str) -> str:
    kind = str(metrics.get("kind", "")) if who == "recommender" else who
    return NAMES.get(kind, kind)


def _audited(metrics: Metrics) -> list[str]:
    return [who for who in ("recommender", *FLOORS) if who in metrics]


def _kinds(metrics: Metrics, title: str, kinds: dict[str, str]) -> BarChart:
    bars = [
        Bar(
            name,
            figure(metrics, "recommender", "top", "shares", kind),
            "strong",
            interval(metrics, "recommender", "top", "shares", f"{kind}_interval"),
            figure(metrics, "recommender", "top", "chance", kind),
        )
        for kind, name in kinds.items()
    ]
    return chart(title, bars, hint="share of the first items of the rankings", mark=BY_CHANCE, digits=2, high=1.0)


def _beside_floors(metrics: Metrics, kind: str, title: str) -> BarChart:
    bars = [
        Bar(
            _name(metrics, who),
            figure(metrics, who, "top", "shares", kind),
            "strong" if who == "recommender" else "control",
            interval(metrics, who, "top", "shares", f"{kind}_interval"),
            figure(metrics, who, "top", "chance", kind),
        )
        for who in _audited(metrics)
    ]
    return chart(title, bars, hint="each on its own first items", mark=BY_CHANCE, digits=2, high=1.0)


def _ends(metrics: Metrics) -> BarChart:
    bars = [
        Bar(
            f"{PARTS[part]}: {WHERE[kind]}",
            figure(metrics, "recommender", part, "shares", kind),
            "strong" if part == "top" else "control",
            interval(metrics, "recommender", part, "shares", f"{kind}_interval"),
        )
        for kind in ("newest", "nothing")
        for part in ("top", "bottom")
    ]
    return chart("Top and bottom of the rankings", bars, digits=2, high=1.0)


def _hanging(metrics: Metrics) -> BarChart:
    bars = [
        Bar(
            _name(metrics, who),
            figure(metrics, who, "top", "hangs_on_one"),
            "strong" if who == "recommender" else "control",
            interval(metrics, who, "top", "hangs_on_one_interval"),
        )
        for who in _audited(metrics)
    ]
    top_k = write(figure(metrics, "top_k"), 0)
    return chart("Depends on one item", bars, hint=f"leaves the first {top_k} without it", digits=2, high=1.0)


def _concentration(metrics: Metrics) -> list[LineChart]:
    lines = [
        Line(_name(metrics, who), kind, [(x, y) for x, y in curve])
        for who, kind in (("recommender", "plain"), ("item_knn", "control"))
        if (curve := metrics.get(who, {}).get("top", {}).get("curve"))
    ]
    if not lines:
        return []
    title = f"How few items carry the recommendations: {' (dark), '.join(line.name for line in lines)}"
    labels = ("share of the items, strongest first", "share of the evidence")
    return [LineChart(title, lines, *labels, Axis(0.0, 1.0), diagonal=True)]


def _table(metrics: Metrics, part: str) -> Table:
    """Shares of decisions, what chance would give, and shares of strength, of everybody who was audited."""
    columns = [*WHERE.values(), *RELATIONS.values(), "Depends on one"]
    groups = [
        Group(
            _name(metrics, who),
            [
                Row("Share of decisions", _row(metrics, who, part, "shares", _hangs(metrics, who, part))),
                Row("By chance", _row(metrics, who, part, "chance")),
                Row("Share of strength", _row(metrics, who, part, "strength")),
            ],
        )
        for who in _audited(metrics)
    ]
    n = write(figure(metrics, "recommender", part, "n_decisions"), 0)
    return Table(columns, groups, f"{PARTS[part]}, {n} decisions: the strongest item, and all evidence")


def _row(metrics: Metrics, who: str, part: str, what: str, last: float | None = None) -> list[Cell]:
    return plain([*(figure(metrics, who, part, what, kind) for kind in (*WHERE, *RELATIONS)), last], 2)


def _hangs(metrics: Metrics, who: str, part: str) -> float | None:
    return figure(metrics, who, part, "hangs_on_one")


def _segments(metrics: Metrics) -> Table:
    rows = [
        Row(
            name,
            plain(
                [
                    *(figure(metrics, "recommender", "segments", key, "shares", kind) for kind in (*WHERE, *RELATIONS)),
                    figure(metrics, "recommender", "segments", key, "hangs_on_one"),
                ],
                2,
            ),
        )
        for key, name in SEGMENTS.items()
    ]
    return Table([*WHERE.values(), *RELATIONS.values(), "Depends on one"], [Group("", rows)], "First items, by segment")


def _named(metrics: Metrics) -> list[Table]:
    """What the carrying items are, by name."""
    top = metrics.get("recommender", {}).get("top", {})
    values = [Row(row["name"], plain([row["share"], row["chance"]], 2)) for row in top.get("values", [])]
    items = [Row(row.get("title", row["item_id"]), plain([row["share"]])) for row in top.get("items", [])]
    return [
        Table(
            ["Share of decisions", "By chance"],
            [Group("", values)],
            "Attributes that the strongest items have more often",
        ),
        Table(["Share of decisions"], [Group("", items)], "Items that carry most decisions"),
    ]


def _change(metrics: Metrics) -> list[str]:
    against = metrics.get("against")
    change, same = figure(against, "largest_change"), figure(against, "same_top")
    if against is None or change is None or same is None:
        return []
    part, _, kind = str(against["largest_change_of"]).partition(".")
    where = f"{PARTS[part].lower()}, {(WHERE | RELATIONS | HANGING)[kind]}"
    return [
        f"Compared with {against['named']}, the largest change is {percent(change)} of the decisions "
        f"({where}); {percent(same)} of the first items are the same."
    ]
