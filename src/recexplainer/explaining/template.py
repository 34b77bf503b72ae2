"""The source `template`: the recommender's own evidence and counterfactuals in sentences, without an LLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recexplainer.citations.attributes import attribute_index
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.facts import facts_of
from recexplainer.core.records.evidence import Counterfactual, Evidence, Variant
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.evidence.counterfactuals import Bounds, find_removals, find_replacements
from recexplainer.evidence.evidence import find_evidence
from recexplainer.evidence.perturbation import Decision
from recexplainer.evidence.sentences import Sentences, account_of, load_sentences
from recexplainer.explaining.cases import Case
from recexplainer.explaining.records import fields_of
from recexplainer.prompting.prompts import PromptWriter, form_of, readable
from recexplainer.prompting.requests import Request
from recexplainer.recommenders.base import Recommender

SOURCE = "template"
VARIANT: Variant = "shift"
MAX_ATTRIBUTES = 2  # that are said of one item
_CASES_AT_ONCE = 1000  # bounds the memory, not the result


@dataclass(frozen=True)
class TemplateWriter:
    """A recommender that explains its own decisions, in the words of a language.

    Attributes:
        recommender: Who decided; it needs no vectors.
        prompts: Titles and attributes.
        request: The question that the LLMs answer; it is kept in the records and changes no text.
        sentences: The words.
        bounds: Which ranks count as recommended.
    """

    recommender: Recommender
    prompts: PromptWriter
    request: Request
    sentences: Sentences
    bounds: Bounds

    def explain(self, cases: Sequence[Case]) -> list[Explanation]:
        """One explanation per case, in their order.

        Every item that a text names carries the decision: a removal that needs other items as well is in the record
        alone. The verdict is the recommender's label, and `p_yes` is None: nobody estimates it.
        """
        return [
            explanation
            for start in range(0, len(cases), _CASES_AT_ONCE)
            for explanation in self._explained(cases[start : start + _CASES_AT_ONCE])
        ]

    def append_to(self, records: Sequence[Explanation], cases: Sequence[Case]) -> list[Explanation]:
        """Explanations of the same cases by an LLM, with what would change the decision to show behind their texts.

        Nothing is appended to a text of this source, one that has defects or another verdict than the recommender,
        nor where the removal needs items that are not in the explanation's evidence.
        """
        asked = [place for place, record in enumerate(records) if _takes_more(record)]
        told = list(records)
        for start in range(0, len(asked), _CASES_AT_ONCE):
            places = asked[start : start + _CASES_AT_ONCE]
            removals = self._removals([decision_of(cases[place]) for place in places])
            for place, removal in zip(places, removals, strict=True):
                told[place] = self._with(records[place], removal)
        return told

    def _with(self, record: Explanation, removal: Counterfactual) -> Explanation:
        if not _may_be_told(removal, record.evidence):
            return record
        said = self.sentences.counterfactual(removal, self.prompts.catalogue)
        return replace(record, counterfactuals=[removal], appended=said)

    def _removals(self, decisions: Sequence[Decision]) -> list[Counterfactual]:
        return find_removals(self.recommender, decisions, VARIANT, self.bounds)

    def _explained(self, cases: Sequence[Case]) -> list[Explanation]:
        decisions = [decision_of(case) for case in cases]
        evidence = find_evidence(self.recommender, decisions, VARIANT)
        removals = self._removals(decisions)
        exchanges = find_replacements(self.recommender, decisions, self.bounds)
        return [self._record(*parts) for parts in zip(cases, decisions, evidence, removals, exchanges, strict=True)]

    def _record(
        self,
        case: Case,
        decision: Decision,
        evidence: Evidence,
        removal: Counterfactual,
        exchange: Counterfactual | None,
    ) -> Explanation:
        catalogue, shown = self.prompts.catalogue, case.example.history
        told = [attributes_to_say(catalogue, decision, item) for item in evidence.items]
        tellable = [removal] if _may_be_told(removal, evidence) else []
        account = account_of(decision, case.label, case.rank, case.n_ranked, evidence, tellable, told, catalogue)
        text = self.sentences.explanation(account)
        found = resolve_citations(text, shown, catalogue, decision.item_id)
        prompt = readable(self.request.content(self.prompts, case.example, form_of(SOURCE)))
        return Explanation(
            **fields_of(case, self.request, prompt, text, found),
            source=SOURCE,
            n_cut=0,
            verdict=case.label,
            p_yes=None,
            model=None,
            base=None,
            evidence=evidence,
            counterfactuals=[removal, *([] if exchange is None else [exchange])],
        )


def load_template(
    settings: Settings, recommender: Recommender, request: Request, catalogue: Catalogue
) -> TemplateWriter:
    """The source that the parameters describe, for the recommender that explanations are about.

    Raises:
        InputError: The file of sentences cannot be used.
    """
    sentences = load_sentences(settings.explain.sentences)
    shares = settings.build_alignment
    bounds = Bounds(settings.explain.top_k, shares.like_top, shares.dislike_bottom)
    prompts = PromptWriter(catalogue, settings.align.n_categories)
    return TemplateWriter(recommender, prompts, request, sentences, bounds)


def _takes_more(record: Explanation) -> bool:
    """Whether something may be appended, and is not yet."""
    is_of_decision = record.label is not None and record.verdict == record.label
    return is_of_decision and record.source != SOURCE and not record.defects and record.appended is None


def _may_be_told(removal: Counterfactual, evidence: Evidence | None) -> bool:
    """Whether a counterfactual names evidence alone, or no item."""
    return removal.kind == "none" or set(removal.removed) <= set(evidence.items if evidence else [])


def decision_of(case: Case) -> Decision:
    """What a case asks the recommender about; what it left undecided is asked about as a Yes."""
    return Decision(case.history, case.example.items[0], len(case.example.history), case.label or "Yes")


def attributes_to_say(catalogue: Catalogue, decision: Decision, item_id: int) -> list[str]:
    """Attributes of an item that tell why it counts: for a Yes those that the decided item shares, for a No those that
    it lacks, as far as the catalogue knows. The rarest come first; what most items have is left out.
    """
    index, decided = attribute_index(catalogue), decision.item_id
    if item_id == decided:
        return []
    shared = index.of_item[item_id] & index.of_item[decided]
    telling = facts_of(catalogue).differing(item_id, decided) if decision.label == "No" else shared
    untold = index.common | {index.series_of_item[item_id]}
    chosen = sorted(telling - untold, key=lambda number: (index.n_holders[number], number))
    return [index.names[number] for number in chosen[:MAX_ATTRIBUTES]]
