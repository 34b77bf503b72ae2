"""What the recommenders that read a sequence share: a state per item, trained to predict the next one."""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recexplainer.data.interactions import PADDING_ID
from recexplainer.recommenders.base import VectorRecommender

ITEM_LENGTH = 0.5  # of an item's embedding at the start


class SequenceRecommender(VectorRecommender):
    """Reads a history item by item; the user's vector is the state at the newest item.

    The item embeddings are the output weights too. With a temperature, a score is the cosine of the two vectors
    divided by it, so that no item scores high for the length of its vector, as popular items do.

    Attributes:
        items: The item embeddings, (n_items + 1, dim); row 0 is zero and stays so.
        dropout: Share of activations that are dropped in training.
        temperature: What cosines are divided by; None where scores are plain dot products.
    """

    def __init__(self, n_items: int, dim: int, max_length: int, dropout: float, temperature: float | None) -> None:
        """Start with random item embeddings, from torch's global generator."""
        super().__init__(n_items, dim, max_length)
        self.dropout = dropout
        self.temperature = temperature
        self.items = nn.Parameter(torch.randn(n_items + 1, dim) * ITEM_LENGTH * dim**-0.5)
        with torch.no_grad():
            self.items[PADDING_ID] = 0

    @abstractmethod
    def hidden_states(self, item_ids: Tensor, dropout: float = 0.0) -> Tensor:
        """The states (batch, length, dim), in the columns of the items: each reads its own item and those before it.

        Args:
            item_ids: (batch, length), length at most `max_length`; 0 is padding and read by no other place.
            dropout: Share of activations that are dropped: above 0 in training alone. An argument and not a
                mode, so that no switch elsewhere can perturb the vectors.
        """

    def newest_states(self, item_ids: Tensor, columns: Tensor) -> Tensor:
        """The states (batch, dim) at the newest items, without dropout.

        Args:
            item_ids: (batch, length), as in `hidden_states`.
            columns: (batch,) the position of the newest item of each row; 0 in a row without items.
        """
        return self.hidden_states(item_ids)[torch.arange(len(item_ids), device=item_ids.device), columns]

    def scored_items(self, item_ids: Tensor | None = None) -> Tensor:
        """What the states are scored against, (…, dim): the given items', or all with row 0 the padding's."""
        rows = self.items if item_ids is None else F.embedding(item_ids, self.items)
        return rows if self.temperature is None else F.normalize(rows, dim=-1)

    def scoring_states(self, hidden: Tensor) -> Tensor:
        """Hidden states as the users' vectors (…, dim), whose dot products with `scored_items` are the scores."""
        return hidden if self.temperature is None else F.normalize(hidden, dim=-1) / self.temperature

    def item_vectors(self) -> Tensor:
        """The item embeddings, (n_items + 1, dim), of length 1 with a temperature; row 0 is zero."""
        return self.scored_items().detach()

    def _user_vectors(self, item_ids: Tensor) -> Tensor:
        is_item = item_ids != PADDING_ID
        columns = torch.arange(item_ids.shape[1], device=item_ids.device)
        newest = (columns * is_item).amax(dim=1)
        return self.scoring_states(self.newest_states(item_ids, newest)) * is_item.any(dim=1, keepdim=True)


def dropped(hidden: Tensor, dropout: float) -> Tensor:
    """The activations, a share of which is dropped."""
    return F.dropout(hidden, dropout) if dropout else hidden
