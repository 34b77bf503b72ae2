"""More words for the demo LLM: titles and categories of a catalogue become tokens of its tokenizer."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

_SHORT = 2  # tokens: what takes no more stays as it is


def extend_tokenizer(
    tokenizer: PreTrainedTokenizerFast, names: Iterable[str], n_tokens: int
) -> tuple[PreTrainedTokenizerFast, list[list[int]]]:
    """A tokenizer that has one token for each name; all old tokens keep their ids.

    A name inside a longer word or name is not taken for itself. Names of one or two tokens stay as they are, so that
    no title changes what Yes and No are, and so do names that a token would not give back letter by letter.

    Args:
        tokenizer: A fast tokenizer.
        names: Titles, categories: the earlier ones first, if there are more than `n_tokens`.
        n_tokens: The most new tokens.

    Returns:
        The new tokenizer, and the old tokens that each new one, in the order of the ids, is made of.
    """
    taken = tokenizer.get_vocab()  # a title may spell a special token
    old = {name: _ids(tokenizer, name) for name in dict.fromkeys(names) if name not in taken}
    long = [name for name, ids in old.items() if len(ids) > _SHORT]
    trial = _with_tokens(tokenizer, long)
    whole = [name for name in long if trial.decode(_ids(trial, name), clean_up_tokenization_spaces=False) == name]
    chosen = whole[:n_tokens]
    return _with_tokens(tokenizer, chosen), [old[name] for name in chosen]


@torch.no_grad()
def extend_embeddings(model: Any, parts: Sequence[Sequence[int]]) -> None:
    """Rows for new tokens, in and out: each the mean of its parts', and all together as far apart as the old ones."""
    n_old = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(n_old + len(parts), mean_resizing=False)
    if not parts:
        return
    for table in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
        means = torch.stack([table[list(ids)].mean(dim=0) for ids in parts])
        spread = means - means.mean(dim=0)
        table[n_old:] = means.mean(dim=0) + spread * table[:n_old].std() / spread.std().clamp(min=1e-12)


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def _with_tokens(tokenizer: PreTrainedTokenizerFast, names: Sequence[str]) -> PreTrainedTokenizerFast:
    extended = copy.deepcopy(tokenizer)
    extended.add_tokens([AddedToken(name, single_word=True, normalized=False, special=False) for name in names])
    return extended
