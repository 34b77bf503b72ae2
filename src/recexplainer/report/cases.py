"""The cases of the explorer: history, target, and every answer with the titles that it names marked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from recexplainer.citations.citations import read_citations
from recexplainer.core.records.explanation import Explanation, Mention
from recexplainer.core.records.judgement import Judgement
from recexplainer.data.catalogue import Catalogue
from recexplainer.report.inputs import ReportInputs

DECIMALS = 7  # of probabilities: what more a page would hold nobody reads
CaseKey = tuple[int, int, int]  # of `Explanation.case`: user, position, item
STAND_IN = "template"  # the source whose text is shown where an LLM's is not an explanation
DELETION = "mask"  # the variant whose deletion the explorer shows: the other items keep their places


def build_cases(inputs: ReportInputs, n_cases: int, first: Sequence[CaseKey] = ()) -> list[dict[str, Any]]:
    """The explorer's data, ready for JSON: a spread of cases, half of each decision where there are as many.

    Args:
        inputs: Needs the catalogue.
        n_cases: At most so many.
        first: Cases that are worth seeing: they come first, and count.
    """
    if inputs.catalogue is None:
        return []
    by_case: dict[CaseKey, dict[str, Explanation]] = {}
    for source, records in inputs.explanations.items():
        for record in records:
            by_case.setdefault(record.case, {})[source] = record
    labels = {case: next(iter(answers.values())).decision for case, answers in by_case.items()}
    judgements = {s: {row.explanation_id: row for row in rows} for s, rows in inputs.judgements.items()}
    tested = {s: read_tested(rows) for s, rows in inputs.faithfulness_rows.items()}
    chosen = list(first)[:n_cases]
    others = {case: label for case, label in labels.items() if case not in chosen}
    chosen += spread_cases(others, n_cases - len(chosen))
    return [_describe(by_case[case], inputs.catalogue, judgements, tested) for case in chosen]


def spread_cases(labels: Mapping[CaseKey, str], n_cases: int) -> list[CaseKey]:
    """Evenly spaced cases of each decision, in their order; one with few leaves its places to the other.

    >>> spread_cases({(u, 0, u): "Yes" if u % 2 else "No" for u in range(8)}, 4)
    [(0, 0, 0), (1, 0, 1), (4, 0, 4), (5, 0, 5)]
    """
    groups: dict[str, list[CaseKey]] = {}
    for case, label in labels.items():
        groups.setdefault(label, []).append(case)
    chosen: list[CaseKey] = []
    for n_left, group in zip(range(len(groups), 0, -1), sorted(groups.values(), key=len), strict=True):
        share = min(len(group), (n_cases - len(chosen)) // n_left)
        chosen += [group[number * len(group) // share] for number in range(share)]
    order = {case: number for number, case in enumerate(labels)}
    return sorted(chosen, key=order.__getitem__)


@dataclass(frozen=True)
class Tested:
    """What the recommender says of one answer; None, or nothing, where it was not asked.

    Attributes:
        removal: What deleting the cited items does, and as many random ones.
        carrying: Items of the shown history that carry the decision.
        claims: Name, outcome and effect in nats of each attribute that the answer gives as a reason.
    """

    removal: dict[str, float] | None = None
    carrying: frozenset[int] | None = None
    claims: list[list[Any]] = field(default_factory=list)


def mark_text(text: str, mentions: Sequence[Mention], carrying: Collection[int] | None = None) -> list[list[str]]:
    """A text in pieces `[piece, kind]`; the kind is "" or `history`, `idle`, `target`, `catalogue`, `invented`.

    Args:
        text: The answer.
        mentions: The titles that it names.
        carrying: Items that carry the decision; another one of the history is `idle`. None: nobody knows.
    """
    pieces, place = [], 0
    for mention in mentions:
        if mention.start < place:
            continue
        is_idle = mention.kind == "history" and carrying is not None and mention.item_id not in carrying
        kind = "idle" if is_idle else mention.kind
        pieces += [[text[place : mention.start], ""], [text[mention.start : mention.end], kind]]
        place = mention.end
    pieces.append([text[place:], ""])
    return [piece for piece in pieces if piece[0]]


def _describe(
    answers: Mapping[str, Explanation],
    catalogue: Catalogue,
    judgements: Mapping[str, Mapping[str, Judgement]],
    tested: Mapping[str, Mapping[str, Tested]],
) -> dict[str, Any]:
    first = next(iter(answers.values()))
    history, target = list(first.history), first.item_id
    shown = {source: _shown(record, answers.get(STAND_IN)) for source, record in answers.items()}
    return {
        "id": first.explanation_id,
        "user": first.user_id,
        "item": catalogue.title(target),
        "about": _about(catalogue, target),
        "label": first.label,
        "score": first.score,
        "rank": first.rank,
        "n_ranked": first.n_ranked,
        "history": [catalogue.title(item_id) for item_id in history],
        "answers": [
            _answer(
                record,
                shown[source],
                judgements.get(source, {}).get(record.explanation_id),
                tested.get(shown[source].source, {}).get(record.explanation_id, Tested()),
            )
            for source, record in answers.items()
        ],
    }


def _shown(record: Explanation, stand_in: Explanation | None) -> Explanation:
    """Whose text is shown: that of the source `template` if the own one has defects."""
    return stand_in if record.defects and stand_in else record


def _answer(record: Explanation, shown: Explanation, judgement: Judgement | None, tested: Tested) -> dict[str, Any]:
    """What the explorer shows of one answer; the recommender was asked of the text that is shown."""
    defects = [defect.replace("_", " ") for defect in record.defects or []]
    found = read_citations(shown)
    return {
        "source": record.source,
        "defects": defects,
        "shown": shown.source,
        "pieces": mark_text(shown.told, found.mentions, tested.carrying),
        "prompt": record.prompt,
        "verdict": record.verdict,
        "p_yes": record.p_yes,
        "cited": sorted(found.in_history) if shown is record else [],
        "level": judgement.level if judgement else None,
        "judge": judgement.judge if judgement else None,
        "reasons": read_reasons(judgement.reasons) if judgement else [],
        "removal": tested.removal,
        "claims": tested.claims,
    }


def read_reasons(reasons: Any) -> list[list[str]]:
    """A judge's reasons as pairs of name and value, whatever their form; True and False become yes and no.

    >>> read_reasons({"decision_right": True, "invented": ["A", "B"]})
    [['decision right', 'yes'], ['invented', 'A; B']]
    """
    if isinstance(reasons, Mapping):
        return [[str(name).replace("_", " "), _plain(value)] for name, value in reasons.items()]
    return [["", _plain(reasons)]] if reasons else []


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, Mapping):
        return "; ".join(f"{str(name).replace('_', ' ')}: {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(inner) for inner in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def read_tested(rows: pd.DataFrame) -> dict[str, Tested]:
    """Per explanation what the recommender was asked of it, as far as the rows tell."""
    removals = _removals(rows)
    found = {}
    for row in rows.to_dict("records"):
        parts = [row.get(name, ()) for name in ("claimed_attributes", "claim_outcomes", "claim_effects")]
        carrying = row.get(f"carrying_items_{DELETION}")
        found[row["explanation_id"]] = Tested(
            removal=removals.get(row["explanation_id"]),
            carrying=None if carrying is None else frozenset(map(int, carrying)),
            claims=[
                [name, outcome, None if outcome != "tested" else float(effect)]
                for name, outcome, effect in zip(*parts, strict=True)
            ],
        )
    return found


def _removals(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Per explanation what deleting its cited items does, and as many random ones, for those that were compared."""
    columns = {
        "p": "p",
        "rank": "rank",
        "p_without": f"p_without_{DELETION}",
        "rank_without": f"rank_without_{DELETION}",
        "loss_random": f"comprehensiveness_{DELETION}_random",
    }
    if any(column not in rows.columns for column in columns.values()):
        return {}
    compared = rows.dropna(subset=list(columns.values()))
    values = pd.DataFrame({name: compared[column].astype(float) for name, column in columns.items()})
    values["p_random"] = values["p"] - values.pop("loss_random")
    return dict(zip(compared["explanation_id"], values.round(DECIMALS).to_dict("records"), strict=True))


def _about(catalogue: Catalogue, item_id: int) -> str:
    """Brand, categories and price of an item, in one line."""
    known = catalogue.attributes(item_id)
    price = None if known["price"] is None else f"{known['price']:.2f}"
    return " · ".join(part for part in (known["brand"], ", ".join(known["categories"]), price) if part)
