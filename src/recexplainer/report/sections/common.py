"""What the sections share: a section's parts, names, and how figures are looked up and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from recexplainer.report.charts import BarChart
from recexplainer.report.lines import LineChart

SOURCE_HINTS = {
    "behaviour": "reads titles only",
    "intention": "reads the recommender's vectors only",
    "both": "reads vectors and titles",
    "none": "the base LLM, not aligned",
    "template": "no LLM: the recommender's evidence in sentences",
}
SURE = 0.05  # below this chance the readings speak of a difference


@dataclass(frozen=True)
class Cell:
    """A figure of a table; the best of its column is set in bold."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table; `kind` is a source (it gets the source's colour) or empty."""

    name: str
    cells: list[Cell]
    kind: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Group:
    """Rows of a table under one heading."""

    title: str
    rows: list[Row]


@dataclass(frozen=True)
class Table:
    """A table: columns of figures, and groups of rows."""

    columns: list[str]
    groups: list[Group]
    caption: str = ""


@dataclass(frozen=True)
class Confusion:
    """Counts by row and column, with each count's share of its row."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[tuple[int, float]]]]


@dataclass(frozen=True)
class Missing:
    """A file that is not there, and the command that makes it."""

    path: str
    command: str


@dataclass(frozen=True)
class Section:
    """What a section shows.

    Attributes:
        readings: Sentences that say what the figures say.
        charts: Bar charts.
        curves: Curves on two axes.
        hidden_curves: Curves that unfold.
        confusions: Confusion matrices.
        tables: Tables that are open.
        details: Tables that unfold.
        files: Where the figures come from.
        missing: What is not there yet.
        extra: What only this section has.
    """

    readings: list[str] = field(default_factory=list)
    charts: list[BarChart] = field(default_factory=list)
    curves: list[LineChart] = field(default_factory=list)
    hidden_curves: list[LineChart] = field(default_factory=list)
    confusions: list[Confusion] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    details: list[Table] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


Tone = Literal["good", "doubt", "bad", "open"]


@dataclass(frozen=True)
class Conclusion:
    """One question about the run and what its figures answer.

    Attributes:
        question: What a reader asks.
        tone: How good the answer is; `open`: there is none.
        answer: In a few words.
        sentence: What the answer rests on, with its numbers.
        caveat: What the numbers do not say.
        number: The number that decided.
    """

    question: str
    tone: Tone
    answer: str
    sentence: str
    caveat: str
    number: str = ""


def figure(metrics: Any, *keys: str) -> float | None:
    """The number under nested keys; None if a key is missing or the value is not a number.

    >>> figure({"test": {"hr@5": 0.5}}, "test", "hr@5"), figure(None, "test")
    (0.5, None)
    """
    for key in keys:
        if not isinstance(metrics, Mapping):
            return None
        metrics = metrics.get(key)
    return float(metrics) if isinstance(metrics, int | float) and not isinstance(metrics, bool) else None


def interval(metrics: Any, *keys: str) -> tuple[float, float] | None:
    """The two numbers under nested keys; None where they are not there."""
    *path, last = keys
    for key in path:
        metrics = metrics.get(key) if isinstance(metrics, Mapping) else None
    ends = metrics.get(last) if isinstance(metrics, Mapping) else None
    return (float(ends[0]), float(ends[1])) if isinstance(ends, list) and len(ends) == 2 else None


def write(value: float | None, digits: int = 3) -> str:
    """A figure as text, with a true minus sign; a dash where there is none.

    >>> write(0.12345), write(-2.0, 1), write(None), write(-0.0001)
    ('0.123', '−2.0', '–', '0.000')
    """
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def percent(value: float) -> str:
    r"""A share as whole per cent, with one decimal below ten; the blank does not break.

    >>> percent(0.683), percent(0.008)
    ('68\xa0%', '0.8\xa0%')
    """
    return f"{100 * value:.{0 if value >= 0.0995 else 1}f}\N{NO-BREAK SPACE}%"


def chance(p_value: float) -> str:
    """A p-value in words of a formula."""
    return "p < .001" if p_value < 0.001 else f"p = {p_value:.3f}".replace("0.", ".", 1)


def short_chance(p_value: float | None) -> str:
    """A p-value for a column that is headed p.

    >>> short_chance(0.0004), short_chance(0.25), short_chance(None)
    ('< .001', '.250', '–')
    """
    return "–" if p_value is None else chance(p_value).removeprefix("p = ").removeprefix("p ")


def figure_rows(
    named: Iterable[tuple[str, str, str, list[float | None]]],
    digits: int = 3,
    lowest: frozenset[int] = frozenset(),
) -> list[Row]:
    """Rows of figures with the best of each column marked, unless all are equal.

    Args:
        named: Name, kind, hint and figures of each row.
        digits: Decimals.
        lowest: Columns where the lowest figure is the best.
    """
    rows = list(named)
    n_columns = max((len(values) for *_, values in rows), default=0)
    best: dict[int, float] = {}
    for column in range(n_columns):
        known = [value for *_, values in rows if (value := values[column]) is not None]
        if len(set(known)) > 1:
            best[column] = (min if column in lowest else max)(known)
    return [
        Row(
            name,
            [
                Cell(write(value, digits), value is not None and best.get(column) == value)
                for column, value in enumerate(values)
            ],
            kind,
            hint,
        )
        for name, kind, hint, values in rows
    ]


def confusion(title: str, rows: list[str], columns: list[str], counts: list[list[int]]) -> Confusion:
    """A matrix of counts with their shares of the row.

    >>> confusion("", ["a", "b"], ["a", "b"], [[3, 1], [0, 0]]).rows
    [('a', [(3, 0.75), (1, 0.25)]), ('b', [(0, 0.0), (0, 0.0)])]
    """
    shares = [[round(count / (sum(row) or 1), 4) for count in row] for row in counts]
    cells = [list(zip(row, share, strict=True)) for row, share in zip(counts, shares, strict=True)]
    return Confusion(title, columns, list(zip(rows, cells, strict=True)))


def plain(values: Iterable[float | None], digits: int = 3) -> list[Cell]:
    """Figures without a best one among them."""
    return [Cell(write(value, digits)) for value in values]


def missing_sources(sources: list[str], present: Iterable[str], path: str, stage: str) -> list[Missing]:
    """The files of the sources that are not there; `path` holds ``{}`` for the source."""
    there = set(present)
    return [Missing(path.format(source), f"dvc repro {stage}@{source}") for source in sources if source not in there]
