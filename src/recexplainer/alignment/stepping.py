"""What decoding rests on: prompts in batches, and an LLM that reads them once and then goes on token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from recexplainer.alignment.chat import Encoded
from recexplainer.alignment.packing import layer_masks
from recexplainer.alignment.sharding import own
from recexplainer.explainer.model import Explainer


class Stepper:
    """Feeds one token per sequence to the LLM, after a left-padded prompt."""

    def __init__(self, explainer: Explainer, prompts: Sequence[Encoded]) -> None:
        self.llm = explainer.llm
        self.pad = int(explainer.encoder.tokenizer.pad_token_id)
        self._embeddings, self._mask = left_padded(explainer, prompts)
        self._positions = self._mask.sum(dim=1)
        self._seen_positions = (self._mask.cumsum(dim=1) - 1).clamp(min=0)  # (batch, n_keys) of what is in the cache
        self._cache: Any = DynamicCache()  # of all tokens in all layers: a window in the row is none in the positions

    def first(self) -> Tensor:
        """(batch, vocabulary) log-probabilities of the first token."""
        output = self.llm(
            inputs_embeds=self._embeddings,
            attention_mask=self._mask,
            position_ids=self._seen_positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float().log_softmax(dim=-1)

    def next(self, tokens: Tensor) -> Tensor:
        """(batch, vocabulary) log-probabilities after one more token per sequence."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        output = self._forward(tokens[:, None], self._mask, self._positions[:, None])
        self._positions = self._positions + 1
        return output[:, -1]

    def next_of_beams(self, tokens: Tensor, ancestry: Tensor) -> Tensor:
        """(batch, n_beams, vocabulary) log-probabilities after one more token per beam.

        The beams of a prompt stand side by side in its one row of the cache, as leaves of a tree: a token sees the
        prompt and its own ancestors. So no key or value is copied when beams are dropped, doubled or reordered.

        Args:
            tokens: (batch, n_beams).
            ancestry: (batch, n_beams, n_fed) which of the tokens fed so far, these included, a beam consists of.
        """
        prompt = self._mask.bool()[:, None].expand(-1, tokens.shape[1], -1)
        visible = torch.cat([prompt, ancestry], dim=2)
        mask = torch.zeros(visible.shape, dtype=self.llm.dtype, device=visible.device)
        mask = mask.masked_fill(~visible, torch.finfo(mask.dtype).min)[:, None]
        positions = self._positions[:, None].expand_as(tokens)
        self._seen_positions = torch.cat([self._seen_positions, positions], dim=1)
        output = self._forward(tokens, layer_masks(self.llm.config, mask, positions, self._seen_positions), positions)
        self._positions = self._positions + 1
        return output

    def _forward(self, tokens: Tensor, mask: Tensor | dict[str, Tensor], positions: Tensor) -> Tensor:
        output = self.llm(
            input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=self._cache, use_cache=True
        )
        return output.logits.float().log_softmax(dim=-1)


def left_padded(explainer: Explainer, prompts: Sequence[Encoded]) -> tuple[Tensor, Tensor]:
    """Embeddings (batch, length, hidden) and mask (batch, length) of prompts that end together."""
    length = max(len(prompt) for prompt in prompts)

    def padded(name: str, fill: int) -> Tensor:
        arrays = [getattr(prompt, name) for prompt in prompts]
        table = np.stack([np.pad(array, (length - len(array), 0), constant_values=fill) for array in arrays])
        return torch.from_numpy(table).long().to(explainer.device)

    mask = torch.zeros(len(prompts), length, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        mask[row, length - len(prompt) :] = 1
    ids = padded("input_ids", explainer.encoder.slot_id)
    return explainer.embed(ids, padded("user_slots", -1), padded("item_slots", -1)), mask.to(explainer.device)


def batches(prompts: Sequence[Encoded], batch_size: int) -> Iterator[list[int]]:
    """Numbers of prompts in batches of similar length, longest first (so that what does not fit fails at once); of
    several processes each gets its own.
    """
    order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    return own(order[start : start + batch_size] for start in range(0, len(order), batch_size))
