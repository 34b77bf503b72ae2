"""What carries a decision, and what would change it: found by the evidence room, kept with an explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Label = Literal["Yes", "No"]
Variant = Literal["shift", "mask"]
Supplier = Literal["own", "self", "recommender"]
Kind = Literal["removal", "replacement", "none"]


@dataclass(frozen=True)
class Evidence:
    """What carries a decision.

    Attributes:
        items: Items of the shown history that carry the decision, strongest first; empty if none does.
        strengths: Per item in nats of ln p (for `self` of the log-odds of Yes) what its removal takes from the
            decision: a Yes loses when p falls, a No when it rises. So every strength is above zero. Greedily it is what
            the removal takes beside the removal of the items before it; an item that takes nothing more then, and does
            alone, follows with what it takes alone. Items that are `joint` share what they carry equally. Empty for
            `own`, which names items alone.
        variant: How the items were deleted: `shift` closes the gap, `mask` keeps the other items in their places.
        supplier: Who says so: the `recommender`; the explainer, of whose probability items are deleted (`self`); or the
            explainer's answer to the question for them (`own`).
        older: The strongest item of the history that is not shown; None if none reaches the threshold.
        older_strength: What its removal takes alone.
        joint: Whether the items carry the decision together and none of them does alone; the newest stands first then.
    """

    items: list[int]
    strengths: list[float]
    variant: Variant
    supplier: Supplier = "recommender"
    older: int | None = None
    older_strength: float | None = None
    joint: bool = False

    @property
    def strongest(self) -> int | None:
        """The item that carries most: a shown one, else an older one; None if none does, or shown ones together."""
        if self.joint:
            return None
        return self.items[0] if self.items else self.older

    @property
    def carrier(self) -> Literal["shown", "older", "nothing"]:
        """Where the evidence is: in what is shown, in an older item alone, or nowhere in the history."""
        if self.items:
            return "shown"
        return "nothing" if self.older is None else "older"


@dataclass(frozen=True)
class Counterfactual:
    """A decision compared with what it would be with another history, in numbers.

    Attributes:
        kind: `removal`: without the items the decision is another; `none`: no set of shown items that was asked about
            changes it, and these items move it furthest; `replacement`: with another item in the place of one.
        label: Of the decision.
        item_id: The item that was decided on.
        removed: Items that are taken out of the history, from all their positions; the newest first.
        replacement: What replaces them, for a replacement.
        variant: How they are taken out; None for a replacement, which leaves no gap.
        limit: The last rank at which the item counts as recommended.
        rank_before: With the whole history, among the items outside of it; ties count against the item.
        rank_after: With the other history, among the same items (without the replacement).
        n_ranked: How many these items are.
        smallest: Whether all smaller sets of shown items were asked about, too; of `none`, whether all sets were.
    """

    kind: Kind
    label: Label
    item_id: int
    removed: list[int]
    replacement: int | None
    variant: Variant | None
    limit: int
    rank_before: int
    rank_after: int
    n_ranked: int
    smallest: bool
