"""A recommender whose scores have one spread, so that the evidence of different recommenders can be compared."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recexplainer.recommenders.base import Recommender


class Standardised(Recommender):
    """Another recommender's scores, divided by their spread; its rankings are the same.

    Evidence is measured in nats of the softmax over the scores. Their unit is arbitrary where a recommender was not
    trained with a softmax: those of matrix factorisation differ by tenths, those of counts by dozens.
    """

    has_vectors = False

    def __init__(self, recommender: Recommender, spread: float) -> None:
        super().__init__(recommender.n_items, dim=0, max_length=recommender.max_length)
        self.asked = recommender
        self._spread = spread

    def config(self) -> dict[str, Any]:
        """Its parts; it is not stored."""
        return {"recommender": self.asked, "spread": self._spread}

    def _score(self, item_ids: Tensor) -> Tensor:
        return self.asked.scores(item_ids) / self._spread

    def scores(self, histories: Any, exclude_seen: bool = False) -> Tensor:
        """The other's scores, divided by their spread."""
        return self.asked.scores(histories, exclude_seen) / self._spread
