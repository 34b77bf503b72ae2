"""GRU4Rec: a recurrent network over a user's sequence of items."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recexplainer.data.interactions import PADDING_ID
from recexplainer.recommenders.sequence import SequenceRecommender, dropped


class GRU4Rec(SequenceRecommender):
    """Recurrent sequential recommender; the user's vector is the state at the newest item.

    Padding is taken out before the network reads and the states are put back behind it, so a padding changes
    nothing anywhere. There are no places: what an item changes is how many items came after it.

    Source: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016; one
    table of embeddings for what is read and what is scored is from Hidasi and Karatzoglou, "Recurrent Neural
    Networks with Top-k Gains for Session-based Recommendations", CIKM 2018. Departures: cross-entropy over the
    catalogue instead of a ranking loss on the items of the same batch; whole histories in windows, each from
    the zero state, instead of sessions in parallel; scores without a final tanh; AdamW.
    """

    kind = "gru4rec"

    def __init__(
        self,
        n_items: int,
        dim: int,
        n_layers: int,
        max_length: int,
        dropout: float,
        temperature: float | None = None,
    ) -> None:
        """Start with random weights, from torch's global generator."""
        super().__init__(n_items, dim, max_length, dropout, temperature)
        self.layers = nn.ModuleList(nn.GRU(dim, dim, batch_first=True) for _ in range(n_layers))
        self.train(False)

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "n_items": self.n_items,
            "dim": self.dim,
            "n_layers": len(self.layers),
            "max_length": self.max_length,
            "dropout": self.dropout,
            "temperature": self.temperature,
        }

    def hidden_states(self, item_ids: Tensor, dropout: float = 0.0) -> Tensor:
        """The states (batch, length, dim) of the last layer; zero in the columns of padding."""
        is_item = item_ids != PADDING_ID
        n_read = max(1, int(is_item.sum(dim=1).max())) if len(item_ids) else 1
        items_first = (~is_item).long().argsort(dim=1, stable=True)  # (B, L) columns; the items keep their order
        read = item_ids.gather(1, items_first)[:, :n_read]
        hidden = dropped(F.embedding(read, self.items, padding_idx=PADDING_ID), dropout)
        with _without_cudnn():
            for layer in self.layers:
                hidden = dropped(layer(hidden)[0], dropout)
        place = (is_item.cumsum(dim=1) - 1).clamp(min=0)  # of each column among the items
        states = hidden.gather(1, place[..., None].expand(-1, -1, self.dim))
        return states * is_item[..., None]


@contextmanager
def _without_cudnn() -> Iterator[None]:
    """On a GPU, torch's own kernels: cuDNN's compute in TF32, and give no gradients in evaluation mode."""
    before = torch.backends.cudnn.enabled
    torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = before
