"""The recommender that is explained, and two baselines measured in the same run."""

from __future__ import annotations

from recexplainer.report.charts import Bar, chart
from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import (
    Group,
    Missing,
    Section,
    Table,
    figure,
    figure_rows,
    interval,
    percent,
    write,
)

FILE = "metrics/recommender.json"
NAMES = {
    "sasrec": "SASRec",
    "gru4rec": "GRU4Rec",
    "mf": "Matrix factorisation",
    "external": "Your recommender",
    "item_knn": "Item neighbours",
    "popularity": "Popularity",
}
COLUMNS = ("hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@10")
CHARTS = ("ndcg@10", "hr@10")


def recommender_section(metrics: Metrics | None) -> Section:
    """Charts and tables of every recommender in the metrics; the one that is explained comes first."""
    if metrics is None:
        return Section(missing=[Missing(FILE, "dvc repro train_recommender")])
    explained = str(metrics.get("kind", ""))
    names = [name for name, value in metrics.items() if isinstance(value, dict) and "test" in value]
    names.sort(key=lambda name: name != explained)
    charts = [
        chart(
            metric.upper(),
            [
                Bar(
                    NAMES.get(n, n),
                    figure(metrics, n, "test", metric),
                    "strong" if n == explained else "control",
                )
                for n in names
            ],
        )
        for metric in CHARTS
    ]
    return Section(
        readings=_readings(metrics, explained, [name for name in names if name != explained]),
        charts=charts,
        details=[_table(metrics, names, part) for part in ("test", "valid")],
        files=[FILE],
    )


def _table(metrics: Metrics, names: list[str], part: str) -> Table:
    rows = figure_rows(
        (NAMES.get(name, name), "", "", [figure(metrics, name, part, column) for column in COLUMNS]) for name in names
    )
    title = {"test": "The last item of each user", "valid": "The item before it, used for early stopping"}[part]
    return Table([column.upper() for column in COLUMNS], [Group("", rows)], title)


def _readings(metrics: Metrics, explained: str, baselines: list[str]) -> list[str]:
    own = figure(metrics, explained, "test", "ndcg@10")
    hits = figure(metrics, explained, "test", "hr@10")
    known = {name: value for name in baselines if (value := figure(metrics, name, "test", "ndcg@10")) is not None}
    if own is None or not known:
        return []
    name, best = NAMES.get(explained, explained), max(known, key=known.__getitem__)
    ends = interval(metrics, "versus", best, "ndcg@10", "difference_interval")
    is_sure = ends is None or ends[0] > 0
    verb = "does not beat" if own <= known[best] else "beats" if is_sure else "does not measurably beat"
    sentence = (
        f"{name} {verb} the better baseline, {NAMES.get(best, best).lower()}: "
        f"NDCG@10 {write(own)} against {write(known[best])}."
    )
    if hits is not None:
        sentence += f" Its first ten contain the item chosen next for {percent(hits)} of the users."
    overlap = figure(metrics, "external_model", "folded_users", "whole_history", "overlap@10")
    if overlap is None:
        return [sentence]
    folded = (
        f"Its users are folded in from their histories: {percent(overlap)} of their first ten items are those of the "
        "model's own users. The lower this is, the less the explanations apply to that model."
    )
    return [sentence, folded]
