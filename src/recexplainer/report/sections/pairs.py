"""Paired tests between the sources, on the cases that both explained."""

from __future__ import annotations

from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import SURE, Cell, Group, Row, Table, chance, figure, percent, write

FILE = "metrics/faithfulness_pairs.json"
MEASURES = {
    "verdict_agreement": "Verdict agrees",
    "inventing_texts": "Texts that invent",
    "hallucinating_texts": "Texts with a title not in the history",
    "log_comprehensiveness_mask": "Gain over random, nats",
    "comprehensiveness_mask": "Gain, comprehensiveness",
    "sufficiency_mask": "Gain, sufficiency",
    "del_mask": "Gain, deletion curve",
    "ins_mask": "Gain, insertion curve",
}
PAPER_PAIR = ("intention", "both")  # the paper: the first invents titles, the second does not


def pair_table(metrics: Metrics | None) -> Table | None:
    """Differences, first minus second, with chances corrected for the number of pairs; sure ones in bold."""
    if not metrics:
        return None
    rows = [Row(name.replace("-", " − "), [_cell(pair.get(m)) for m in MEASURES]) for name, pair in metrics.items()]
    caption = (
        "Differences between sources on the same cases, first minus second, with p corrected for the number of pairs "
        "(Holm). A gain is over as many random items, so that citing more is no advantage"
    )
    return Table(list(MEASURES.values()), [Group("", rows)], caption)


def invention_reading(metrics: Metrics | None, by_source: dict[str, Metrics]) -> list[str]:
    """Whether the paper's finding that a model which reads vectors alone invents titles holds here.

    It is confirmed where `intention` invents in measurably more texts than `both`, refuted where in measurably fewer.
    """
    pairs = metrics or {}
    first, second = PAPER_PAIR
    found, sign = pairs.get(f"{first}-{second}"), 1
    if found is None:
        found, sign = pairs.get(f"{second}-{first}"), -1
    value, p_value = figure(found, "inventing_texts", "difference"), figure(found, "inventing_texts", "p_value")
    shares = [figure(by_source.get(source), "inventing_texts") for source in PAPER_PAIR]
    if value is None or p_value is None or shares[0] is None or shares[1] is None:
        return []
    word = "not confirmed" if p_value >= SURE else "confirmed" if sign * value > 0 else "refuted"
    return [
        f"“{first}” invents a title in {percent(shares[0])} of its texts, “{second}” in {percent(shares[1])} "
        f"({chance(p_value)}): the paper's finding that the first invents and the second does not is {word}."
    ]


def _cell(found: Metrics | None) -> Cell:
    value = figure(found, "difference")
    p_value = figure(found, "p_value_holm")
    if value is None or p_value is None:
        return Cell("–")
    return Cell(f"{write(value)} ({chance(p_value)})", p_value < SURE)
