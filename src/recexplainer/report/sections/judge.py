"""How the judge rated the explanations, on the paper's four levels."""

from __future__ import annotations

from typing import Any

from recexplainer.report import published
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.sections.common import (
    SOURCE_HINTS,
    Group,
    Section,
    Table,
    figure,
    figure_rows,
    missing_sources,
    plain,
    write,
)

FILE = "metrics/judge_{}.json"
LEVELS = {
    "A": "wrong decision",
    "B": "right decision, poor explanation",
    "C": "right, acceptable",
    "D": "right, satisfying",
    "unparseable": "the judge's answer could not be read",
    "failed": "the judge gave no answer",
}


def judge_section(inputs: ReportInputs) -> Section:
    """Stacked shares of the levels per source, and a table of counts and means."""
    sources = [source for source in inputs.sources if source in inputs.judge]
    missing = missing_sources(inputs.sources, inputs.judge, FILE, "judge")
    if not sources:
        return Section(missing=missing)
    judges = sorted({str(inputs.judge[source].get("judge", "unknown")) for source in sources})
    used = [level for level in LEVELS if level in "ABCD" or any(inputs.judge[s].get(level) for s in sources)]
    return Section(
        readings=_readings(inputs, sources),
        tables=[_table(inputs, sources, used)],
        files=[FILE.format(source) for source in sources],
        missing=missing,
        extra={
            "judges": judges,
            "levels": {level: LEVELS[level] for level in used},
            "stacks": [_stack(source, inputs.judge[source], used) for source in sources],
        },
    )


def _stack(source: str, metrics: dict[str, Any], levels: list[str]) -> dict[str, Any]:
    """One source's parts: start and width in per cent of all its explanations, and the count."""
    counts = {level: int(metrics.get(level) or 0) for level in levels}
    total, start, parts = sum(counts.values()), 0.0, []
    for level, count in counts.items():
        width = 100 * count / total if total else 0.0
        parts.append({"level": level, "count": count, "start": round(start, 2), "width": round(width, 2)})
        start += width
    return {
        "source": source,
        "parts": [part for part in parts if part["count"]],
        "mean": write(figure(metrics, "mean"), 2),
        "spoken": ", ".join(f"{level}: {count}" for level, count in counts.items()),
    }


def _table(inputs: ReportInputs, sources: list[str], levels: list[str]) -> Table:
    counts = {source: inputs.judge[source] for source in sources}
    rows = figure_rows(
        (
            (
                source,
                source,
                SOURCE_HINTS[source],
                [figure(counts[source], "mean")],
            )
            for source in sources
        ),
        digits=2,
    )
    for row in rows:
        row.cells.extend(plain([published.JUDGE_MEAN.get(row.name)], digits=2))
        row.cells.extend(plain((figure(counts[row.name], name) for name in (*levels, "n")), digits=0))
    columns = ["Mean (0–3)", "Paper's mean (GPT-4 as judge)", *levels, "Explanations"]
    return Table(columns, [Group("", rows)])


def _readings(inputs: ReportInputs, sources: list[str]) -> list[str]:
    means = {s: mean for s in sources if (mean := figure(inputs.judge[s], "mean")) is not None}
    if len(means) < 2:
        return []
    highest, lowest = max(means.values()), min(means.values())
    if highest == lowest:
        return [f"All {len(means)} sources are rated alike, {write(highest, 2)} of 3."]
    best, worst = ([f"“{s}”" for s, mean in means.items() if mean == end] for end in (highest, lowest))
    verb = "is" if len(best) == 1 else "are"
    return [
        f"{' and '.join(best)} {verb} rated highest, {write(highest, 2)} of 3; {' and '.join(worst)} lowest, "
        f"{write(lowest, 2)}."
    ]
