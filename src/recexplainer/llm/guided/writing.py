"""Texts under guides, batched: every step reads what all of them wrote, and each continues with what it may say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from recexplainer.citations.cache import MOST
from recexplainer.llm.decoding import best_allowed, end_id
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.guided.draft import Draft, Written
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.tokens import TokenTexts
from recexplainer.llm.reading import Node, Reader, batches, read_ahead
from recexplainer.llm.sharding import gather
from recexplainer.prompting.chat import Encoded


@torch.inference_mode()
def write(
    explainer: Explainer,
    prompts: Sequence[Encoded],
    begun: Sequence[str],
    guides: Sequence[Guide | None],
    max_new_tokens: int,
    batch_size: int,
    user_vectors: Tensor | None = None,
) -> list[Written]:
    """Greedy texts under guides, up to the end of the turn.

    Args:
        explainer: Who writes.
        prompts: The questions, with what the answers begin with.
        begun: What the answers begin with.
        guides: What each text may say; None: anything, as `decoding.generate` writes it.
        max_new_tokens: Of a text, with its end.
        batch_size: Texts written at once, more behind shorter prompts; see `reading.batches`.
        user_vectors: (n, dim) what the prompts' user slots point into.
    """
    texts = _token_texts(explainer.encoder.tokenizer)
    end = end_id(explainer)
    bound = next((guide for guide in guides if guide is not None and guide.cited is not None), None)
    titles = texts.titles(bound.catalogue) if bound else frozenset()  # all guides of a call say how much they bind
    answered: dict[int, Written] = {}
    for rows in batches(prompts, batch_size, max_new_tokens):
        drafts = [Draft(texts, guides[row], begun[row], end, max_new_tokens, titles) for row in rows]
        reader = Reader(explainer, [prompts[row] for row in rows], user_vectors)
        _write_batch(reader, drafts, texts)
        answered |= zip(rows, [draft.written() for draft in drafts], strict=True)
    return gather(answered)


@lru_cache(maxsize=MOST)
def _token_texts(tokenizer: Any) -> TokenTexts:
    """Decoding a large vocabulary takes longer than writing one text: it is done once for the LLM of each mode."""
    return TokenTexts(tokenizer)


def _write_batch(reader: Reader, drafts: list[Draft], texts: TokenTexts) -> None:
    marks = texts.marks(reader.first.shape[1], reader.first.device)
    _take(reader.first, drafts, marks)
    while going := {row: draft for row, draft in enumerate(drafts) if not draft.is_finished}:
        at_start = [row for row, draft in going.items() if not draft.unread]  # cut back to the prompt's end
        if at_start:
            _take(reader.first[at_start], [going[row] for row in at_start], marks)
            continue
        wanted = _to_read(going)
        logits = reader.read(wanted)
        _note(logits, wanted, going)
        last = torch.tensor([len(nodes) for nodes in wanted.values()], device=logits.device).cumsum(0) - 1
        ready = [place for place, row in enumerate(wanted) if not going[row].unread]
        if ready:
            rows = list(wanted)
            _take(logits[last[ready]], [going[rows[place]] for place in ready], marks)


def _to_read(going: dict[int, Draft]) -> dict[int, list[Node]]:
    """What is read next of each draft: a token, and more where most have more."""
    return read_ahead({row: draft.unread for row, draft in going.items()}, width=1)


def _note(logits: Tensor, wanted: dict[int, list[Node]], going: dict[int, Draft]) -> None:
    """Tell the drafts what the LLM itself would have written, where it was told what to write."""
    given = [(row, n) for row, nodes in wanted.items() for n in range(len(nodes))]
    known = [
        (place, row, going[row].n_read + n + 1)
        for place, (row, n) in enumerate(given)
        if going[row].n_read + n + 1 < len(going[row].tokens)
    ]
    if known:
        best = logits[[place for place, _, _ in known]].argmax(dim=1).tolist()
        for (_, row, number), token in zip(known, best, strict=True):
            going[row].saw(number, token)
    for row, nodes in wanted.items():
        going[row].n_read += len(nodes)


def _take(logits: Tensor, drafts: list[Draft], marks: Tensor) -> None:
    """Each draft takes its most probable token.

    Args:
        logits: (n, vocabulary) of what follows each draft.
        drafts: The drafts.
        marks: (vocabulary,) which tokens write a quotation mark.
    """
    free = logits.argmax(dim=1).tolist()
    chosen = list(free)
    _choose(logits, drafts, marks, chosen)
    for draft, token, own in zip(drafts, chosen, free, strict=True):
        before = list(draft.tokens)
        draft.take(token)
        if draft.tokens[: len(before)] == before:
            draft.saw(len(before), own)


def _choose(logits: Tensor, drafts: list[Draft], marks: Tensor, chosen: list[int]) -> None:
    """Replace the tokens of those drafts that may not write just anything."""
    allowed = {row: tokens for row, draft in enumerate(drafts) if (tokens := draft.allowed) is not None}
    if allowed:
        for row, token in zip(allowed, best_allowed(logits[list(allowed)], list(allowed.values())), strict=True):
            chosen[row] = token
    for row, draft in enumerate(drafts):
        if row not in allowed and (draft.banned or draft.bans_marks or chosen[row] in draft.titles):
            if chosen[row] in draft.titles:
                draft.bar()
            left = logits[row].masked_fill(marks, -torch.inf) if draft.bans_marks else logits[row].clone()
            left[list(draft.banned | draft.titles)] = -torch.inf
            chosen[row] = int(left.argmax())
