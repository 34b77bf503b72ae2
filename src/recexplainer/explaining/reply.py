"""What a person is answered who asks about a history and an item."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from recexplainer.core.records.evidence import Label
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.explaining.html import reply_as_html


@dataclass(frozen=True)
class NamedItem:
    """An item of the catalogue with the names that people know it by."""

    id: int
    raw_id: str
    title: str


@dataclass(frozen=True)
class Reason:
    """An item that a text cites or that carries a decision, and the decision without it.

    Attributes:
        id: In the catalogue; None for a title that the catalogue does not have.
        raw_id: In the raw data; None likewise.
        title: As the catalogue has it, or as the text has it.
        in_history: Whether it is in the history, even if that is too long to be shown.
        score_without: The recommender's score of the decided item when this one is taken out of the history as if it
            had never been there; None where it is not in the history.
        rank_without: The decided item's rank then, among the same items.
        strength: What it carries of the decision, in nats; None for an item that is cited and was not measured.
    """

    id: int | None
    raw_id: str | None
    title: str
    in_history: bool
    score_without: float | None
    rank_without: int | None
    strength: float | None


@dataclass(frozen=True)
class Origin:
    """Where the explainer comes from.

    Attributes:
        name: Of the registered model; None for one that was not opened by it.
        version: Of the registered model.
        content: The hash of its files; None for the base LLM and for a recommender's own template.
    """

    name: str | None
    version: str | None
    content: str | None

    def as_record(self) -> ModelVersion | None:
        """What an explanation says of its model; None for one that was not opened by its registered name."""
        if self.name is None or self.version is None or self.content is None:
            return None
        return ModelVersion(self.name, self.version, self.content)


def origin_of(model: ModelVersion | None) -> Origin:
    """Where a registered version comes from; None: a source without one."""
    return Origin(None, None, None) if model is None else Origin(model.name, model.version, model.sha256)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An explanation for a person, with what it takes to check it.

    Attributes:
        item: What was asked about.
        label: The recommender's decision; None for an item between the liked and the disliked ones, or of the history.
        verdict: The explainer's decision.
        p_yes: The explainer's probability of Yes against No.
        text: The explanation.
        counterfactual: What would change the recommender's decision, in numbers that it gave when asked again; None
            where the text is `template`'s, which says it itself, and where the change takes other items than the
            evidence.
        text_by: Who wrote it: the explainer's mode, or `template` where the explainer's own text is withheld.
        defects: Why it is withheld, see `Explanation.withheld`; empty where the own text is shown.
        score: The recommender's raw score.
        rank: Its rank from 1 among `n_ranked` items.
        n_ranked: The items outside the history.
        cited: The items that the text names as reasons, in the order of the text.
        evidence: The items that carry the decision, strongest first.
        model: Who explains.
    """

    item: NamedItem
    label: Label | None
    verdict: Label | None
    p_yes: float | None
    text: str
    counterfactual: str | None
    text_by: str
    defects: list[str]
    score: float | None
    rank: int
    n_ranked: int
    cited: list[Reason]
    evidence: list[Reason]
    model: Origin

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        return reply_as_html(self)
