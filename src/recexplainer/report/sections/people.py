"""What people and judges say of the same texts, and which of two sources is preferred."""

from __future__ import annotations

from recexplainer.report.charts import Bar, chart
from recexplainer.report.inputs import Metrics, ReportInputs
from recexplainer.report.sections.advice import count_ratings
from recexplainer.report.sections.common import (
    Cell,
    Group,
    Row,
    Section,
    Table,
    figure,
    interval,
    percent,
    plain,
    write,
)

RATINGS_FILE = "ratings/agreement.json"
COMPARISON_FILE = "comparisons/{}.json"
PAIR_FIGURES = {"same": "Same level", "kappa": "κ", "kappa_quadratic": "κ, quadratic", "spearman": "Spearman's ρ"}
OVERALL_FIGURES = {
    "fleiss_kappa": "Fleiss' κ",
    "alpha_nominal": "α, nominal",
    "alpha_ordinal": "α, ordinal",
    "alpha_interval": "α, interval",
}


def people_section(inputs: ReportInputs) -> Section:
    """Ratings with their agreement, and comparisons of two sources; empty where nobody rated or compared."""
    rated = _rating_tables(inputs.agreement) if inputs.agreement else []
    compared = inputs.comparisons
    bars = [
        Bar(" over ".join(found["sources"]), figure(found, "win_rate"), "strong", interval(found, "win_rate_interval"))
        for found in compared.values()
    ]
    chart_of_wins = chart("Preferred to the other", bars, hint="ties count as half; 0.5: neither", digits=2, high=1.0)
    return Section(
        readings=[*_rating_reading(inputs.agreement), *(_comparison_reading(found) for found in compared.values())],
        charts=[chart_of_wins] if bars else [],
        tables=[*rated, *([_comparison_table(compared)] if compared else [])],
        files=[*([RATINGS_FILE] if rated else []), *(COMPARISON_FILE.format(name) for name in compared)],
    )


def _rating_tables(agreement: Metrics) -> list[Table]:
    raters = [
        Row(name, [Cell(write(figure(of, "n"), 0)), Cell(write(figure(of, "mean"), 2))])
        for name, of in agreement.get("raters", {}).items()
    ]
    pairs = [
        Row(f"{pair['first']} and {pair['second']}", [*_figures(pair, PAIR_FIGURES), *plain([figure(pair, "n")], 0)])
        for pair in agreement.get("pairs", [])
    ]
    overall = [
        Row(name, [*_figures(found, OVERALL_FIGURES), *plain([figure(found, "n_compared")], 0)])
        for name, key in (("Everybody", "overall"), ("People", "overall_human"))
        if (found := agreement.get(key))
    ]
    tables = [
        Table(["Ratings", "Mean (0–3)"], [Group("", raters)], "Who rated"),
        Table([*PAIR_FIGURES.values(), "Texts"], [Group("", pairs)], "Agreement of two, with 95 % intervals"),
        Table([*OVERALL_FIGURES.values(), "Texts"], [Group("", overall)], "Agreement of all, with 95 % intervals"),
    ]
    return [table for table in tables if table.groups[0].rows]


def _figures(found: Metrics, names: dict[str, str]) -> list[Cell]:
    return [Cell(_with_ends(figure(found, name), interval(found, f"{name}_interval"))) for name in names]


def _with_ends(value: float | None, ends: tuple[float, float] | None) -> str:
    return write(value, 2) + (f" ({write(ends[0], 2)} to {write(ends[1], 2)})" if ends else "")


def _rating_reading(agreement: Metrics | None) -> list[str]:
    if not agreement:
        return []
    said = f"People gave {count_ratings(agreement)} ratings of {write(figure(agreement, 'n_texts'), 0)} texts."
    alpha = figure(agreement, "overall_human", "alpha_ordinal")
    n_compared = figure(agreement, "overall_human", "n_compared")
    if alpha is None and n_compared:
        return [f"{said} All {write(n_compared, 0)} texts that several rated have one level: α needs levels that vary."]
    if alpha is None:
        return [f"{said} Fewer than two people rated the same texts, so their agreement is unknown."]
    word = (
        "agree well" if alpha >= 0.8 else "agree somewhat" if alpha >= 0.667 else "do not agree enough to be relied on"
    )
    return [f"{said} They {word}: Krippendorff's α, ordinal, is {write(alpha, 2)}."]


def _comparison_reading(found: Metrics) -> str:
    first, second = found["sources"]
    rate, ends = figure(found, "win_rate"), interval(found, "win_rate_interval")
    if rate is None or ends is None:
        return f"The judge {found['judge']} made no choice between “{first}” and “{second}”."
    word = "prefers" if ends[0] > 0.5 else "does not prefer" if ends[1] < 0.5 else "does not measurably prefer"
    return (
        f"The judge {found['judge']} {word} “{first}” to “{second}”: it wins {percent(rate)} "
        f"({percent(ends[0])} to {percent(ends[1])}) of {write(figure(found, 'n'), 0)} cases, ties as half."
    )


def _comparison_table(compared: dict[str, Metrics]) -> Table:
    rows = [
        Row(
            " and ".join(found["sources"]),
            [
                *plain((figure(found, name) for name in ("first", "second", "tie", "n")), 0),
                Cell(_with_ends(figure(found, "decided_win_rate"), interval(found, "decided_win_rate_interval"))),
                *plain([figure(found, "order", "position_bias")], 2),
                Cell(str(found["judge"])),
            ],
        )
        for found in compared.values()
    ]
    columns = ["First better", "Second better", "Neither", "Cases", "First, where decided", "Decided by order", "Judge"]
    return Table(columns, [Group("", rows)], "Two texts of the same case, side by side")
