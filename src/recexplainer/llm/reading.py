"""What decoding rests on: an LLM that reads prompts once, in batches, and continues behind each of them in a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from recexplainer.llm.explainer import Explainer
from recexplainer.llm.packing import layer_masks
from recexplainer.llm.sharding import shard
from recexplainer.prompting.chat import Encoded

FULL = 0.8  # tokens are read ahead as long as so much of what a batch reads at once is not padding
READ_TOKENS = 2048  # of prompts at once: enough to keep a processor busy, and they stay within its caches


@dataclass(eq=False)
class Node:
    """A token of the tree behind a prompt, or its root: the end of the prompt."""

    token: int = -1
    parent: Node | None = None
    columns: list[int] = field(default_factory=list)  # the columns of its path, itself last; empty until it is read


Unread = TypeVar("Unread", bound=Node)


def read_ahead(lines: dict[int, list[Unread]], width: int) -> dict[int, list[Unread]]:
    """What is read at once of each prompt: `width` tokens, and more where there is room.

    All prompts take as long as the one with most to read.

    Args:
        lines: By prompt what it could read next.
        width: The longest of what has to be read.
    """
    while lines and sum(min(len(line), width + 1) for line in lines.values()) >= FULL * len(lines) * (width + 1):
        width += 1
    return {row: line[:width] for row, line in lines.items()}


class Reader:
    """Prompts that an LLM has read, each with a tree of tokens behind it.

    All that is read of one prompt and behind it is in one row of keys and values. A token sees the prompt and the
    tokens of its own path, and has the position that it has there. So branches share what they have in common, and
    nothing is copied when one of them continues, forks or is given up.

    Args:
        explainer: Whose LLM reads.
        prompts: What it reads first; those of similar length should be adjacent, or time is lost.
        user_vectors: (n, dim) what their user slots point into.

    Attributes:
        first: (n_prompts, vocabulary) logits of what follows each prompt, in fp32.
    """

    def __init__(self, explainer: Explainer, prompts: Sequence[Encoded], user_vectors: Tensor | None = None) -> None:
        self._llm, self._device = explainer.llm, explainer.device
        self._pad = int(explainer.encoder.tokenizer.pad_token_id)
        self._rows = list(range(len(prompts)))  # the prompts that are still there
        self._lengths = torch.tensor([len(prompt) for prompt in prompts], device=self._device)
        self._n_prompt = self._n_columns = max(len(prompt) for prompt in prompts)
        self._positions = torch.arange(self._n_prompt, device=self._device).expand(len(prompts), -1)
        self._layers: list[_GrowingLayer] = []
        self.first = torch.cat(
            [
                self._read_prompts(_embedded(explainer, prompts[start:stop], user_vectors), start, stop)
                for start, stop in _chunks(prompts)
            ]
        )
        self._cache = Cache(layers=list(self._layers))

    def read(self, nodes: Mapping[int, Sequence[Node]]) -> Tensor:
        """Read on behind some of the prompts; behind the others nothing can be read any more.

        Args:
            nodes: By the number of the prompt what is to be read, each node behind its parent.

        Returns:
            (n_nodes, vocabulary) logits of what follows each node, in the order given, in fp32.
        """
        if 2 * len(nodes) <= len(self._rows):
            self._keep([row for row in self._rows if row in nodes])
        width = max(map(len, nodes.values()))
        places: list[tuple[int, int]] = []
        seen: list[tuple[int, int, int]] = []
        for row, wanted in nodes.items():
            line = self._rows.index(row)
            for place, node in enumerate(wanted):
                node.columns = [*(node.parent.columns if node.parent else []), self._n_columns + place]
                places.append((line, place))
                seen += [(line, place, column) for column in node.columns]
        read = [node for wanted in nodes.values() for node in wanted]
        at = _index(places, self._device)
        tokens = torch.full((len(self._rows), width), self._pad, device=self._device)
        tokens[at] = torch.tensor([node.token for node in read], device=self._device)
        positions = self._lengths[:, None].repeat(1, width)
        positions[at] += torch.tensor([len(node.columns) - 1 for node in read], device=self._device)
        self._positions = torch.cat([self._positions, positions], dim=1)
        self._n_columns += width
        logits = self._llm(
            input_ids=tokens,
            attention_mask=layer_masks(self._llm.config, self._mask(width, seen), positions, self._positions),
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        ).logits
        return logits[at].float()

    def _keep(self, rows: list[int]) -> None:
        """Forget the other prompts."""
        kept = torch.tensor([self._rows.index(row) for row in rows], device=self._device)
        self._rows, self._lengths, self._positions = rows, self._lengths[kept], self._positions[kept]
        for layer in self._layers:
            layer.batch_select_indices(kept)

    def _mask(self, width: int, seen: list[tuple[int, int, int]]) -> Tensor:
        """(n_rows, 1, width, n_columns) additive: the prompt, and what is `seen` as (row, token, column)."""
        is_visible = torch.zeros(len(self._rows), width, self._n_columns, dtype=torch.bool, device=self._device)
        is_prompt = torch.arange(self._n_prompt, device=self._device) < self._lengths[:, None]
        is_visible[:, :, : self._n_prompt] = is_prompt[:, None]
        is_visible[_index(seen, self._device)] = True
        mask = torch.zeros(is_visible.shape, dtype=self._llm.dtype, device=self._device)
        return mask.masked_fill(~is_visible, torch.finfo(mask.dtype).min)[:, None]

    def _read_prompts(self, embeddings: Tensor, start: int, stop: int) -> Tensor:
        """Logits behind some of the prompts (n, length, hidden), whose keys and values are kept.

        They are padded on the right, where no token of theirs looks: so they need no mask.
        """
        cache: Any = DynamicCache()  # of all tokens in all layers: a window in the row is none in the positions
        places, which = (self._lengths[start:stop] - 1).unique(return_inverse=True)
        logits = self._llm(
            inputs_embeds=embeddings,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=places,
        ).logits
        read = [(layer.keys, layer.values) for layer in cache.layers]
        if not self._layers:
            shape = len(self._rows), self._n_prompt
            self._layers = [_GrowingLayer(*(_blank(part, *shape) for part in parts)) for parts in read]
        for layer, parts in zip(self._layers, read, strict=True):
            for table, part in zip((layer.keys, layer.values), parts, strict=True):
                table[start:stop, :, : part.shape[2]] = part
        return logits[torch.arange(stop - start, device=self._device), which].float()


class _GrowingLayer(DynamicLayer):
    """The keys and values of one layer, with room behind them: adding a few columns copies none that are there.

    Args:
        keys: (n_rows, n_heads, n_columns, dim).
        values: The same.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values = self._tables = keys, values

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Add columns; all there are then."""
        start, stop = self.keys.shape[2], self.keys.shape[2] + key_states.shape[2]
        if len(self.keys) != len(self._tables[0]) or stop > self._tables[0].shape[2]:
            self._tables = _roomy(self.keys, stop), _roomy(self.values, stop)
        for table, new in zip(self._tables, (key_states, value_states), strict=True):
            table[:, :, start:stop] = new
        self.keys, self.values = (table[:, :, :stop] for table in self._tables)
        return self.keys, self.values


def _blank(like: Tensor, n_rows: int, n_columns: int) -> Tensor:
    """Zeros: what a masked column holds must be finite."""
    return like.new_zeros(n_rows, like.shape[1], n_columns, like.shape[3])


def _roomy(table: Tensor, n_columns: int) -> Tensor:
    """A copy with room for `n_columns`, and for a quarter more."""
    larger = table.new_empty(*table.shape[:2], n_columns + n_columns // 4, table.shape[3])
    larger[:, :, : table.shape[2]] = table
    return larger


def _embedded(explainer: Explainer, prompts: Sequence[Encoded], user_vectors: Tensor | None) -> Tensor:
    """(batch, length, hidden) embeddings of prompts, padded on the right."""
    length = max(len(prompt) for prompt in prompts)

    def padded(name: str, fill: int) -> Tensor:
        table = np.full((len(prompts), length), fill)
        for row, prompt in enumerate(prompts):
            table[row, : len(prompt)] = getattr(prompt, name)
        return torch.from_numpy(table).to(explainer.device)

    ids = padded("input_ids", explainer.encoder.slot_id)
    return explainer.embed(ids, padded("user_slots", -1), padded("item_slots", -1), user_vectors)


def batches(prompts: Sequence[Encoded], batch_size: int, n_new: int = 0) -> Iterator[list[int]]:
    """Numbers of prompts in batches of similar length, longest first (so that what does not fit fails at once); of
    several processes each gets its own.

    Args:
        prompts: The prompts.
        batch_size: Prompts of the first batch. The others hold as many tokens, padding and answers counted: the shorter
            the prompts, the more of them, so that all batches fill a GPU alike.
        n_new: Tokens that may follow each prompt.
    """
    order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    return shard(_of_equal_tokens(order, [len(prompts[row]) + n_new for row in order], batch_size))


def _of_equal_tokens(order: list[int], lengths: list[int], batch_size: int) -> Iterator[list[int]]:
    """Parts of the order, whose lengths fall, with at most as many tokens as the first, padded to their longest."""
    start = 0
    while start < len(order):
        n = batch_size * lengths[0] // lengths[start]
        yield order[start : start + n]
        start += n


def _chunks(prompts: Sequence[Encoded]) -> Iterator[tuple[int, int]]:
    """First and last + 1 of neighbouring prompts that have `READ_TOKENS` with their padding, or one that has more."""
    start = longest = 0
    for row, prompt in enumerate(prompts):
        longest = max(longest, len(prompt))
        if row > start and longest * (row + 1 - start) > READ_TOKENS:
            yield start, row
            start, longest = row, len(prompt)
    yield start, len(prompts)


def _index(places: Sequence[tuple[int, ...]], device: torch.device) -> tuple[Tensor, ...]:
    """Places in a table, as it is indexed by them."""
    return tuple(torch.tensor(places, device=device).T)
