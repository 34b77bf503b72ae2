"""More words for the demo LLM: its byte-level BPE learns further merges from the texts of a catalogue."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

Pair = tuple[str, str]


def extend_tokenizer(
    tokenizer: PreTrainedTokenizerFast, texts: Iterable[str], n_tokens: int, min_count: int = 2
) -> tuple[PreTrainedTokenizerFast, list[tuple[int, int]]]:
    """A tokenizer that spells the texts in fewer tokens; all old tokens keep their ids.

    Old merges go before new ones, so whatever holds none of the texts' words is tokenised as before.

    Args:
        tokenizer: A byte-level BPE tokenizer.
        texts: Its new merges are learnt from these.
        n_tokens: The most new tokens.
        min_count: How often a pair must occur in the texts to be merged.

    Returns:
        The new tokenizer, and the two old or earlier new ids that each new token, in the order of the ids, is made of.
    """
    raw = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = raw["model"]["vocab"]
    parts = []
    for left, right in learn_merges(_pieces(tokenizer, texts), n_tokens, min_count):
        raw["model"]["merges"].append([left, right])
        if left + right not in vocabulary:  # two ways may lead to one token
            vocabulary[left + right] = len(vocabulary)
            parts.append((vocabulary[left], vocabulary[right]))
    extended = copy.deepcopy(tokenizer)
    extended._tokenizer = Tokenizer.from_str(json.dumps(raw))
    return extended, parts


def learn_merges(words: Counter[tuple[str, ...]], n_merges: int, min_count: int) -> list[Pair]:
    """The pairs that byte-pair encoding merges next: each time the most frequent one, of equals the first by name.

    Args:
        words: How often each word, as its present tokens, occurs in the texts.
        n_merges: The most pairs.
        min_count: The least count of a pair.
    """
    rows = [(list(word), count) for word, count in words.items()]
    pairs: Counter[Pair] = Counter()
    rows_of: dict[Pair, set[int]] = {}
    for number, (word, count) in enumerate(rows):
        _count(word, count, number, pairs, rows_of)
    merges: list[Pair] = []
    while len(merges) < n_merges and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < min_count:
            break
        merges.append(best)
        for number in sorted(rows_of.pop(best)):
            word, count = rows[number]
            _count(word, -count, number, pairs, rows_of)
            word[:] = _merged(word, best)
            _count(word, count, number, pairs, rows_of)
        pairs.pop(best, None)
    return merges


@torch.no_grad()
def extend_embeddings(model: Any, parts: list[tuple[int, int]]) -> None:
    """Rows for new tokens, in and out: each the mean of those of its two parts."""
    n_old = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(n_old + len(parts), mean_resizing=False)
    for table in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
        for row, (left, right) in enumerate(parts, start=n_old):
            table[row] = (table[left] + table[right]) / 2


def _pieces(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> Counter[tuple[str, ...]]:
    """How often each word (what the pre-tokenizer cuts off) occurs in the texts, as its present tokens."""
    backend = tokenizer.backend_tokenizer
    counts = Counter(word for text in texts for word, _ in backend.pre_tokenizer.pre_tokenize_str(text))
    return Counter({tuple(token.value for token in backend.model.tokenize(word)): n for word, n in counts.items()})


def _count(word: list[str], count: int, number: int, pairs: Counter[Pair], rows_of: dict[Pair, set[int]]) -> None:
    for pair in zip(word, word[1:], strict=False):
        pairs[pair] += count
        if count > 0:
            rows_of.setdefault(pair, set()).add(number)
        elif pairs[pair] <= 0:
            del pairs[pair]


def _merged(word: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    for token in word:
        if merged and (merged[-1], token) == pair:
            merged[-1] += token
        else:
            merged.append(token)
    return merged
