"""Whether a text names what drove the user, where the data set knows it."""

from __future__ import annotations

from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import (
    SURE,
    Cell,
    Group,
    Row,
    Table,
    chance,
    figure,
    percent,
    plain,
    short_chance,
    write,
)

KINDS = {"platform": "Platform", "genre": "Genre", "franchise": "Franchise"}
CAPTION = (
    "Known causes: the platform, genre or franchise drove the user's choice, as the data set records it. Named: share "
    "of texts that name it; for comparison, share of other users' texts, and of texts where another cause drove the "
    "user"
)


def cause_table(metrics: dict[str, Metrics]) -> Table | None:
    """Per kind and source: how often the driver is named, and in the two controls; None where no cause is known."""
    groups = []
    for kind, name in KINDS.items():
        rows = [
            Row(source, _cells(figures["causes"][kind]), source)
            for source, figures in metrics.items()
            if figures.get("causes", {}).get(kind, {}).get("n")
        ]
        if rows:
            groups.append(Group(name, rows))
    columns = ["Named ↑", "in others' texts", "p", "with another cause", "p", "Texts", "Texts, another cause"]
    return Table(columns, groups, CAPTION) if groups else None


def cause_readings(metrics: dict[str, Metrics]) -> list[str]:
    """Which sources name a driver more often when it drove the choice than when it did not."""
    known = {source: figures for source, figures in metrics.items() if figures.get("causes")}
    telling = {source: told for source, figures in known.items() if (told := _told(figures))}
    readings = [
        f"“{source}” names {' and '.join(told)} more often when it drove the user than when it did not."
        for source, told in telling.items()
    ]
    if silent := [f"“{source}”" for source in known if source not in telling]:
        verb = "names" if len(silent) == 1 else "name"
        readings.append(f"{', '.join(silent)} {verb} no driver measurably more often when it drove the user.")
    return readings


def _told(figures: Metrics) -> list[str]:
    return [
        f"the {kind} ({percent(named)} against {percent(otherwise)}, {chance(p_value)})"
        for kind in KINDS
        if (named := figure(figures, "causes", kind, "named")) is not None
        and (otherwise := figure(figures, "causes", kind, "named_otherwise")) is not None
        and (p_value := figure(figures, "causes", kind, "p_value")) is not None
        and p_value < SURE
    ]


def _cells(figures: Metrics) -> list[Cell]:
    written = [Cell(short_chance(figure(figures, name))) for name in ("p_value_over_shuffled", "p_value")]
    shares = plain(figure(figures, name) for name in ("named", "shuffled", "named_otherwise"))
    counts = [Cell(write(figure(figures, name), 0)) for name in ("n", "n_otherwise")]
    return [shares[0], shares[1], written[0], shares[2], written[1], *counts]
