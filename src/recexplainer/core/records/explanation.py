"""Explanations: why a recommender decided as it did on an item, in the words of a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recexplainer.core.errors import InputError
from recexplainer.core.records.evidence import Counterfactual, Evidence, Label

Defect = Literal["repeats", "unfinished", "garbled", "names_nothing", "no_reason", "cut"]
MentionKind = Literal["history", "target", "catalogue", "invented"]


@dataclass(frozen=True)
class Mention:
    """One place of a text that names an item: `text[start:end]`, quotation marks not included."""

    start: int
    end: int
    text: str
    kind: MentionKind
    item_id: int | None  # None: invented
    matched: Literal["exact", "normalised", "fuzzy", "none"]


@dataclass(frozen=True)
class PromptRequest:
    """How an explanation was asked for.

    Attributes:
        template: The template's file; None for the embedded one.
        template_sha256: Of its text.
        focus: The aspect to focus on.
        max_sentences: The length that was asked for.
        audience: Whom the explanation is for.
    """

    template: str | None
    template_sha256: str
    focus: str | None
    max_sentences: int | None
    audience: str | None


@dataclass(frozen=True)
class ModelVersion:
    """A registered version of a model, and the hash of its content."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Guided:
    """How often the guide of a text stepped in: what its writer does not know.

    Attributes:
        n_titles: Titles that the writer would have written otherwise, or that it was not to begin.
        n_facts: Values of attributes that did not hold.
    """

    n_titles: int
    n_facts: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One decision of the recommender and a source's explanation of it.

    Attributes:
        explanation_id: The same for every source that explains this decision.
        source: Who explains.
        user_id: Whose history the recommender read.
        position: How many interactions of the user it read.
        item_id: The item it decided on.
        history: The items that the text can cite, oldest first: the newest part of what the recommender read.
        label: The recommender's decision; None for an item between the liked and the disliked ones.
        score: The recommender's raw score of the item.
        rank: The item's rank among `n_ranked` items outside the history, from 1.
        n_ranked: How many items were ranked.
        prompt: What the explainer read; vectors appear as placeholders.
        prompt_sha256: Of the prompt.
        n_cut: How many of the oldest items of `history` the prompt had no room for.
        request: How the explanation was asked for.
        text: The explanation, which begins with the verdict.
        verdict: The explainer's decision; None if the text holds none.
        p_yes: The explainer's probability of Yes against No; None if it has none.
        citations: The items that the text names, resolved when it was written.
        cited_items: Of these, the items of the history, in the order of the text.
        other_items: Items that are neither in the history nor the target.
        invented_titles: Quoted titles that the catalogue does not have.
        model: The registered version of the explainer; None for a source without one.
        base: Name, revision and hash of the base LLM; None for a source without one.
        evidence: What carries the decision, where the text was made of it.
        counterfactuals: What would change the decision, where the text or what is appended says so.
        appended: A sentence of the program's with a counterfactual's numbers, to show behind the text. It is no part of
            the text, so that nothing in it counts as said by the explainer.
        guided: How often the text was guided; None where it is free, or made without an LLM.
        defects: Why the text is not shown as an explanation, see `explaining.defects`; None if it is.
    """

    explanation_id: str
    source: str
    user_id: int
    position: int
    item_id: int
    history: list[int]
    label: Label | None
    score: float
    rank: int
    n_ranked: int
    prompt: str
    prompt_sha256: str
    n_cut: int
    request: PromptRequest
    text: str
    verdict: Label | None
    p_yes: float | None
    citations: list[Mention]
    cited_items: list[int]
    other_items: list[int]
    invented_titles: list[str]
    model: ModelVersion | None
    base: dict[str, str | None] | None
    evidence: Evidence | None = None
    counterfactuals: list[Counterfactual] | None = None
    appended: str | None = None
    guided: Guided | None = None
    defects: list[Defect] | None = None

    @property
    def case(self) -> tuple[int, int, int]:
        """User, position and item: what was decided on."""
        return self.user_id, self.position, self.item_id

    @property
    def withheld(self) -> list[str]:
        """Why the text is no answer to somebody who asks about the decision: its defects; `other_verdict` where it
        gives reasons for another decision than the recommender's; `no_evidence` where there was nothing to cite.
        """
        is_of_another = None not in (self.label, self.verdict) and self.label != self.verdict
        cites_nothing = self.guided is not None and self.evidence is not None and not self.evidence.items
        reasons = {"other_verdict": is_of_another, "no_evidence": cites_nothing}
        return [*(self.defects or []), *(name for name, holds in reasons.items() if holds)]

    @property
    def told(self) -> str:
        """All that a reader is shown: the text, and what is appended to it."""
        return f"{self.text} {self.appended}" if self.appended else self.text

    @property
    def decision(self) -> Label:
        """The label, where only decided items may be.

        Raises:
            InputError: The recommender did not decide on the item.
        """
        if self.label is None:
            raise InputError(f"explanation {self.explanation_id}: has no label; only decided items can be evaluated")
        return self.label


@dataclass(frozen=True, kw_only=True)
class UserExplanation(Explanation):
    """An explanation with the ids of the raw data and the item's title, for readers outside of the pipeline."""

    raw_user_id: str
    raw_item_id: str
    title: str
