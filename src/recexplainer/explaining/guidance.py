"""What guides the texts of an explainer: the evidence of the decisions that they explain, and the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.citations.facts import facts_of
from recexplainer.core.records.evidence import Evidence, Label, Variant
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.evidence.evidence import find_evidence
from recexplainer.evidence.perturbation import Decision
from recexplainer.explaining.own_answers import ask_for_evidence
from recexplainer.explaining.prompts import Asked, Words
from recexplainer.explaining.self_deletion import find_own_evidence
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.guided.guide import Guide
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders.base import Recommender

VARIANT: Variant = "shift"  # how the recommender is asked without an item: as if it had never been there


@dataclass(frozen=True)
class Guidance:
    """Who supplies the items that texts may cite, and whether they may name only values that hold.

    Attributes:
        catalogue: Titles and values.
        evidence: `recommender`, `self`, `own`, or `free`: any title may be named.
        facts: Whether values are guided.
        recommender: Who decided; None only where nothing is asked of it.
    """

    catalogue: Catalogue
    evidence: str
    facts: bool
    recommender: Recommender | None

    def find(
        self,
        explainer: Explainer,
        words: Words,
        asked: Asked,
        histories: Sequence[Sequence[int]],
        labels: Sequence[Label],
        batch_size: int,
    ) -> list[Evidence | None]:
        """The evidence of each decision.

        Args:
            explainer: Who explains.
            words: How it is asked.
            asked: What it was asked.
            histories: All that the recommender decided on.
            labels: The decisions.
            batch_size: Questions for its own evidence that are decoded at once.
        """
        if self.evidence == "free":
            return [None] * len(labels)
        if self.evidence == "own":
            writer = PromptWriter(self.catalogue, explainer.settings["n_categories"])
            bounds = asked.max_prompt_tokens, batch_size
            return list(ask_for_evidence(explainer, writer, asked.shown, labels, *bounds, asked.user_vectors))
        if self.evidence == "self":
            assert self.recommender is not None
            return list(find_own_evidence(explainer, words, asked, histories, labels, self.recommender))
        return self.of_recommender(asked.shown, histories, labels)

    def of_recommender(
        self, shown: Sequence[Example], histories: Sequence[Sequence[int]], labels: Sequence[Label]
    ) -> list[Evidence | None]:
        """The recommender's evidence of each decision, among the items that its prompt shows."""
        assert self.recommender is not None
        decisions = [
            Decision(list(history), example.items[0], min(len(example.history), len(history)), label)
            for history, example, label in zip(histories, shown, labels, strict=True)
        ]
        return list(find_evidence(self.recommender, decisions, VARIANT))

    def guides(self, examples: Sequence[Example], evidence: Sequence[Evidence | None]) -> list[Guide | None]:
        """The guide of each text; None where nothing is guided."""
        facts = facts_of(self.catalogue) if self.facts else None
        if facts is None and self.evidence == "free":
            return [None] * len(examples)
        return [
            Guide(self.catalogue, example.items[0], example.history, found.items if found else None, facts)
            for example, found in zip(examples, evidence, strict=True)
        ]
