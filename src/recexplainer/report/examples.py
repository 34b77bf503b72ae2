"""One well explained and one badly explained case, chosen by rule from all that were explained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Judgement
from recexplainer.report.cases import CaseKey, Tested, read_tested
from recexplainer.report.charts import Bar, BarChart, chart
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.sections.common import write
from recexplainer.report.sections.conclusions import rank_sources

RULE = (
    "Chosen by rule from all {} texts of “{}”. Best: a right verdict, only titles of the history, and only cited items "
    "that carry the decision; then the highest level, a recommended item, and the largest loss without them. "
    "Worst: wrong verdicts first, then titles outside the history, then cited items without effect."
)


@dataclass(frozen=True, order=True)
class Merit:
    """How well one answer explains; the greater, the better, and what comes first counts first.

    Attributes:
        is_right: Whether the verdict is the recommender's, and the text has no defect.
        unseen: Minus the titles that are neither in the history nor the target.
        idle: Minus the cited items without effect.
        level: The judge's score, 0 to 3; -1 without one.
        is_for: Whether the recommender recommends the item: reasons for it are easier to see than reasons against.
        gain: What the decision loses without the cited items beyond what it loses without as many random ones, in
            nats.
    """

    is_right: bool
    unseen: int
    idle: int
    level: int
    is_for: bool
    gain: float

    @property
    def faults(self) -> list[str]:
        """What is wrong with the answer, in words."""
        told = [] if self.is_right else ["the verdict is not the recommender's, or the text has a defect"]
        told += [f"titles that are not in the history: {-self.unseen}"] if self.unseen else []
        return told + ([f"cited items without effect: {-self.idle}"] if self.idle else [])


@dataclass(frozen=True)
class Chosen:
    """The cases of the best and of the worst answer of one source."""

    source: str
    n: int
    best: CaseKey
    worst: CaseKey
    merits: tuple[Merit, Merit]


@dataclass(frozen=True)
class Example:
    """A case as a card: what it is an example of, why, and what removing the cited items does."""

    heading: str
    why: str
    case: dict[str, Any]
    answer: dict[str, Any]
    removal: BarChart | None


def choose_examples(inputs: ReportInputs) -> Chosen | None:
    """The best and the worst answer of the mode that predicts best; the first of equals.

    Returns:
        None where nothing is explained, or all answers are alike.
    """
    source = next((source for source in rank_sources(inputs) if inputs.explanations.get(source)), None)
    if source is None or inputs.catalogue is None:
        return None
    levels = {row.explanation_id: row for row in inputs.judgements.get(source, [])}
    rows = inputs.faithfulness_rows.get(source)
    tested = {} if rows is None else read_tested(rows)
    merits = {
        record.case: measure(record, levels.get(record.explanation_id), tested.get(record.explanation_id, Tested()))
        for record in inputs.explanations[source]
    }
    best, worst = max(merits, key=merits.__getitem__), min(merits, key=merits.__getitem__)
    if merits[best] == merits[worst]:
        return None
    return Chosen(source, len(merits), best, worst, (merits[best], merits[worst]))


def measure(record: Explanation, judgement: Judgement | None, tested: Tested) -> Merit:
    """How well an answer explains, as far as it was judged and tested."""
    carrying = tested.carrying
    idle = [item_id for item_id in record.cited_items if carrying is not None and item_id not in carrying]
    return Merit(
        is_right=record.verdict == record.label and not record.defects,
        unseen=-len(record.invented_titles) - len(record.other_items),
        idle=-len(idle),
        level=-1 if judgement is None or judgement.score is None else judgement.score,
        is_for=record.label == "Yes",
        gain=_gain(record, tested.removal),
    )


def make_examples(chosen: Chosen | None, cases: list[dict[str, Any]]) -> list[Example]:
    """The two cards.

    Args:
        chosen: What was chosen.
        cases: What `build_cases` makes of it: its first two are the chosen ones.
    """
    if chosen is None or len(cases) < 2:
        return []
    best, worst = chosen.merits
    bad = "Badly explained" if worst.faults else "Least well explained"
    return [
        _card("Well explained" if not best.faults else "Best explained", best, chosen.source, cases[0]),
        _card(bad, worst, chosen.source, cases[1]),
    ]


def _card(heading: str, merit: Merit, source: str, case: dict[str, Any]) -> Example:
    answer = next(answer for answer in case["answers"] if answer["source"] == source)
    words = merit.faults or ["the verdict is right, and no tested claim is false"]
    if merit.gain and answer["shown"] == source:
        words.append(
            f"deleting the cited items costs the decision {write(merit.gain, 2)} nats more than deleting others"
        )
    why = "; ".join(words)
    return Example(heading, why[0].upper() + why[1:] + ".", case, answer, _removal_chart(answer["removal"]))


def _removal_chart(removal: Mapping[str, float] | None) -> BarChart | None:
    if removal is None:
        return None
    bars = [
        Bar("full history", removal["p"], "strong", note=f"rank {removal['rank']:.0f}"),
        Bar("without cited", removal["p_without"], "plain", note=f"rank {removal['rank_without']:.0f}"),
        Bar("without random", removal["p_random"], "control"),
    ]
    return chart("The item's probability", bars, hint="according to the recommender, when items are deleted", digits=4)


def _gain(record: Explanation, removal: Mapping[str, float] | None) -> float:
    """What removing the cited items costs the decision beyond removing random ones, in nats."""
    if removal is None or min(removal["p_without"], removal["p_random"]) <= 0:
        return 0.0
    gain = math.log(removal["p_random"]) - math.log(removal["p_without"])
    return gain if record.label == "Yes" else -gain
