"""SASRec: self-attention over a user's sequence of items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recexplainer.data.interactions import PADDING_ID
from recexplainer.recommenders.sequence import ITEM_LENGTH, SequenceRecommender, dropped

PLACES_AT_MEAN, ATTENTION_AT_MEAN, FEED_FORWARD_AT_MEAN = 0.2, 0.3, 0.1  # of their random start, in `start_at_mean`


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each on normalised input and added to its input."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.attention_out = nn.Linear(dim, dim)
        self.feed_forward_norm = nn.LayerNorm(dim)
        self.widen = nn.Linear(dim, 4 * dim)
        self.narrow = nn.Linear(4 * dim, dim)

    def forward(self, hidden: Tensor, attended: Tensor, dropout: float) -> Tensor:
        """Next hidden states (batch, length, dim).

        Args:
            hidden: (batch, length, dim).
            attended: (batch, 1, length, length), True where a query (third axis) reads a key (last axis).
            dropout: Share of dropped activations.
        """
        batch, length, dim = hidden.shape
        projected = self.query_key_value(self.attention_norm(hidden))
        heads = projected.view(batch, length, 3, self.n_heads, dim // self.n_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # (B, H, T, D) each
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=attended, dropout_p=dropout)
        mixed = self.attention_out(mixed.transpose(1, 2).reshape(batch, length, dim))
        hidden = hidden + dropped(mixed, dropout)
        return self._fed_forward(hidden, dropout)

    def at(self, hidden: Tensor, columns: Tensor, read: Tensor) -> Tensor:
        """Next hidden states (batch, dim) at one place of each row: what `forward` gives there, at less cost.

        Args:
            hidden: (batch, length, dim).
            columns: (batch,) the places.
            read: (batch, length), True at what the place reads.
        """
        batch, length, dim = hidden.shape
        normed = self.attention_norm(hidden)
        rows = torch.arange(batch, device=hidden.device)
        weight, bias = self.query_key_value.weight, self.query_key_value.bias
        heads = (self.n_heads, dim // self.n_heads)
        query = F.linear(normed[rows, columns], weight[:dim], bias[:dim]).view(batch, *heads)
        key, value = F.linear(normed, weight[dim:], bias[dim:]).view(batch, length, 2, *heads).unbind(2)
        likeness = torch.einsum("bhd,bthd->bht", query, key) * heads[1] ** -0.5
        weights = likeness.masked_fill(~read[:, None], -torch.inf).softmax(dim=-1)
        mixed = torch.einsum("bht,bthd->bhd", weights, value).reshape(batch, dim)
        return self._fed_forward(hidden[rows, columns] + self.attention_out(mixed), 0.0)

    def _fed_forward(self, hidden: Tensor, dropout: float) -> Tensor:
        wide = F.gelu(self.widen(self.feed_forward_norm(hidden)))
        return hidden + dropped(self.narrow(dropped(wide, dropout)), dropout)


class SASRec(SequenceRecommender):
    """Self-attentive sequential recommender; the user's vector is the state at the newest item.

    Places count back from the newest (0), so padding on the left changes nothing, and a padding inside the
    history leaves the places of the other items as they are. When the newest place itself is padding, the
    vector is the state at the newest item that is left, at its own place.

    Source: Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018. Departures: the norm
    precedes each sub-layer (stabler training), GELU and a feed-forward layer of four times the width,
    and every item is a negative of every position (`losses`) instead of one sampled negative.
    """

    kind = "sasrec"

    def __init__(
        self,
        n_items: int,
        dim: int,
        n_layers: int,
        n_heads: int,
        max_length: int,
        dropout: float,
        temperature: float | None = None,
    ) -> None:
        """Start with random weights, from torch's global generator; `n_heads` divides `dim`."""
        super().__init__(n_items, dim, max_length, dropout, temperature)
        self.places = nn.Parameter(torch.randn(max_length, dim) * 0.5 * dim**-0.5)
        self.blocks = nn.ModuleList(Block(dim, n_heads) for _ in range(n_layers))
        self.final_norm = nn.LayerNorm(dim)
        self.train(False)

    @torch.no_grad()
    def start_at_mean(self) -> None:
        """Change random weights so that a state starts near its own item plus the mean of all items that it reads.

        What attention reads of an item it writes unchanged, at the length of an item's embedding; the attention's
        weights start nearly even, the places and the feed-forward layers nearly silent. With items that are close to
        what was taken with them, the first scores are then those of an item neighbourhood.

        Source: Trockman and Kolter, "Mimetic initialization of self-attention layers", ICML 2023, for starting values
        and output near the identity. Departures: exactly at it, the other weights scaled down.
        """
        identity = torch.eye(self.dim)
        self.places.mul_(PLACES_AT_MEAN)
        for block in cast(Iterable[Block], self.blocks):
            block.query_key_value.weight[: 2 * self.dim].mul_(ATTENTION_AT_MEAN)
            block.query_key_value.weight[2 * self.dim :].copy_(identity)
            block.query_key_value.bias.zero_()
            block.attention_out.weight.copy_(identity * ITEM_LENGTH * self.dim**-0.5)  # the norm's length is dim ** .5
            block.attention_out.bias.zero_()
            block.narrow.weight.mul_(FEED_FORWARD_AT_MEAN)
            block.narrow.bias.mul_(FEED_FORWARD_AT_MEAN)

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "n_items": self.n_items,
            "dim": self.dim,
            "n_layers": len(self.blocks),
            "n_heads": self.blocks[0].n_heads,
            "max_length": self.max_length,
            "dropout": self.dropout,
            "temperature": self.temperature,
        }

    def hidden_states(self, item_ids: Tensor, dropout: float = 0.0) -> Tensor:
        """The states (batch, length, dim) after the final norm: each reads its own item and those before it."""
        return self.final_norm(self._through(self.blocks, item_ids, dropout))

    def newest_states(self, item_ids: Tensor, columns: Tensor) -> Tensor:
        """The states at the newest items alone: of the last block nothing else is computed."""
        *before, last = cast(Sequence[Block], self.blocks)
        read = (item_ids != PADDING_ID) & (torch.arange(item_ids.shape[1], device=item_ids.device) <= columns[:, None])
        read = read.index_put((torch.arange(len(read), device=read.device), columns), read.new_tensor(True))
        return self.final_norm(last.at(self._through(before, item_ids, 0.0), columns, read))

    def _through(self, blocks: Iterable[nn.Module], item_ids: Tensor, dropout: float) -> Tensor:
        length = item_ids.shape[1]
        is_item = item_ids != PADDING_ID
        causal = torch.ones(length, length, dtype=torch.bool, device=item_ids.device).tril()
        itself = torch.eye(length, dtype=torch.bool, device=item_ids.device)
        attended = (causal & is_item[:, None, None, :]) | itself  # a padding reads itself: no row may be empty
        places = self.places[:length].flip(0)  # the last column is place 0
        hidden = dropped(F.embedding(item_ids, self.items, padding_idx=PADDING_ID) + places, dropout)
        for block in blocks:
            hidden = block(hidden, attended, dropout)
        return hidden
