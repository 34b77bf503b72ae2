"""From explanations to what people are answered: the text that may be shown, and its reasons put to the test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.core.records.explanation import Explanation
from recexplainer.data.catalogue import Catalogue
from recexplainer.evidence.perturbation import Decision
from recexplainer.evidence.ranks import scores_and_ranks
from recexplainer.explaining.cases import Case
from recexplainer.explaining.reply import NamedItem, Origin, Reason, Reply
from recexplainer.explaining.template import TemplateWriter, decision_of

_Outcome = tuple[float, int]  # score and rank


@dataclass(frozen=True)
class Replier:
    """Turns explanations into replies.

    Attributes:
        template: Writes the text that replaces one that is withheld; it knows catalogue and recommender.
        origin: Who explains.
    """

    template: TemplateWriter
    origin: Origin

    def replies(self, cases: Sequence[Case], records: Sequence[Explanation]) -> list[Reply]:
        """One reply per case; each reason is tested by asking the recommender again without it, and it is asked what
        would change its decision.
        """
        shown = self.template.append_to(self._shown(cases, records), cases)
        asked = [(case, item) for case, record in zip(cases, shown, strict=True) for item in _reasons(record)]
        outcomes = iter(self._without(asked))
        found = [{item: next(outcomes) for item in _reasons(record)} for record in shown]
        return [self._reply(*parts) for parts in zip(cases, records, shown, found, strict=True)]

    @property
    def _catalogue(self) -> Catalogue:
        return self.template.prompts.catalogue

    def _shown(self, cases: Sequence[Case], records: Sequence[Explanation]) -> list[Explanation]:
        """The explanations to show: the template's where a text is withheld."""
        places = [place for place, record in enumerate(records) if record.withheld]
        written = dict(zip(places, self.template.explain([cases[place] for place in places]), strict=True))
        return [written.get(place, record) for place, record in enumerate(records)]

    def _without(self, asked: Sequence[tuple[Case, int]]) -> list[_Outcome | None]:
        """The decided item's score and rank without an item; None where the history does not hold it."""
        tested = [(case, item) for case, item in asked if item in case.history]
        rests = [[other for other in case.history if other != item] for case, item in tested]
        decisions: list[Decision] = [decision_of(case) for case, _ in tested]
        outcomes = iter(scores_and_ranks(self.template.recommender, rests, decisions))
        return [next(outcomes) if item in case.history else None for case, item in asked]

    def _reply(self, case: Case, own: Explanation, shown: Explanation, found: dict[int, _Outcome | None]) -> Reply:
        strengths = _strengths(shown)
        reasons = {
            item: self._reason(item, item in case.history, outcome, strengths.get(item))
            for item, outcome in found.items()
        }
        invented = {title: Reason(None, None, title, False, None, None, None) for title in shown.invented_titles}
        cited = [reasons[name] if isinstance(name, int) else invented[name] for name in _cited(shown)]
        return Reply(
            item=self._named(own.item_id),
            label=own.label,
            verdict=own.verdict,
            p_yes=own.p_yes,
            text=shown.text,
            counterfactual=shown.appended,
            text_by=shown.source,
            defects=own.withheld,
            score=_finite(own.score),
            rank=own.rank,
            n_ranked=own.n_ranked,
            cited=cited,
            evidence=[reasons[item] for item in (shown.evidence.items if shown.evidence else [])],
            model=self.origin,
        )

    def _named(self, item: int) -> NamedItem:
        return NamedItem(item, str(self._catalogue.frame["raw_id"].iat[item - 1]), self._catalogue.title(item))

    def _reason(self, item: int, in_history: bool, outcome: _Outcome | None, strength: float | None) -> Reason:
        named = self._named(item)
        score, rank = outcome or (None, None)
        return Reason(named.id, named.raw_id, named.title, in_history, _finite(score), rank, strength)


def _cited(record: Explanation) -> list[int | str]:
    """Items, and titles of none, in the order of the text."""
    named = [
        mention.text if mention.item_id is None else mention.item_id
        for mention in record.citations
        if mention.kind != "target"
    ]
    return list(dict.fromkeys(named))


def _reasons(record: Explanation) -> list[int]:
    """All items that are cited or carry the decision."""
    cited = [name for name in _cited(record) if isinstance(name, int)]
    return list(dict.fromkeys([*cited, *(record.evidence.items if record.evidence else [])]))


def _strengths(record: Explanation) -> dict[int, float]:
    found = record.evidence
    return dict(zip(found.items, found.strengths, strict=True)) if found and found.strengths else {}


def _finite(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else round(score, 6)
