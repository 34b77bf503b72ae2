"""Decoding: answers of an explainer, batched, with a KV cache, deterministic, free or constrained to what can be
right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from recexplainer.llm.explainer import Explainer
from recexplainer.llm.listing import Listing
from recexplainer.llm.packing import collate, pack, share_prefixes
from recexplainer.llm.reading import Node, Reader, batches
from recexplainer.llm.sharding import gather, shard
from recexplainer.prompting.chat import IGNORED, Encoded


@torch.inference_mode()
def p_yes(
    explainer: Explainer, prompts: Sequence[Encoded], row_tokens: int, user_vectors: Tensor | None = None
) -> np.ndarray:
    """(n,) the probability of Yes against No as the first token of each answer.

    Prompts of one group are packed on their shared history, which changes no logit. Their user slots point into
    `user_vectors` (n, dim).
    """
    yes, no = explainer.verdict_ids
    numbered = []
    for number, prompt in enumerate(prompts):
        targets = np.full(len(prompt), IGNORED, dtype=np.int32)
        targets[-1] = number  # the place to read, labelled with whose it is
        numbered.append(replace(prompt, targets=targets))
    limit = max(row_tokens, max((len(prompt) for prompt in prompts), default=0))
    trees = share_prefixes(numbered, limit)
    answered: dict[int, float] = {}
    for row in shard(pack(trees, limit, np.random.default_rng(0))):
        parts = collate([trees[n] for n in row])
        batch = {key: tensor.to(explainer.device) for key, tensor in parts.items()}
        owners = batch.pop("targets")[0]
        batch.pop("weights")
        places = (owners != IGNORED).nonzero()[:, 0]
        logits = explainer(places=places, user_vectors=user_vectors, **batch)[0]
        chances = torch.sigmoid(logits[:, yes] - logits[:, no])
        answered |= zip(owners[places].tolist(), chances.tolist(), strict=True)
    return np.array(gather(answered))


@torch.inference_mode()
def generate(
    explainer: Explainer,
    prompts: Sequence[Encoded],
    max_new_tokens: int,
    batch_size: int,
    user_vectors: Tensor | None = None,
    *,
    strip: bool = True,
) -> list[str]:
    """Greedy free answers as text, up to the end of the turn.

    Args:
        explainer: Who answers.
        prompts: The questions.
        max_new_tokens: Of an answer, with its end.
        batch_size: Prompts decoded at once, more of shorter ones; see `reading.batches`.
        user_vectors: (n, dim) what the prompts' user slots point into.
        strip: Take off the blanks around an answer.
    """
    tokenizer, end = explainer.encoder.tokenizer, end_id(explainer)
    answered: dict[int, str] = {}
    for rows in batches(prompts, batch_size, max_new_tokens):
        reader = Reader(explainer, [prompts[row] for row in rows], user_vectors)
        for row, tokens in zip(rows, _likeliest(reader, len(rows), end, max_new_tokens), strict=True):
            text = tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            answered[row] = text.strip() if strip else text
    return gather(answered)


def _likeliest(reader: Reader, n: int, end: int, most: int) -> list[list[int]]:
    """Behind each of `n` prompts the most probable token again and again: up to the end, `most` with it."""
    answers: list[list[int]] = [[] for _ in range(n)]
    nodes: dict[int, Node] = {}
    going, logits = list(range(n)), reader.first
    for n_left in range(most, 0, -1):
        best = dict(zip(going, logits.argmax(dim=1).tolist(), strict=True))
        going = [row for row, token in best.items() if token != end]
        for row in going:
            answers[row].append(best[row])
        if not going or n_left == 1:
            break
        nodes = {row: Node(best[row], nodes.get(row)) for row in going}
        logits = reader.read({row: [node] for row, node in nodes.items()})
    return answers


@torch.inference_mode()
def list_candidates(
    explainer: Explainer,
    prompts: Sequence[Encoded],
    candidates: Sequence[Sequence[Sequence[int]]],
    batch_size: int,
    user_vectors: Tensor | None = None,
    *,
    otherwise: Sequence[int] = (),
    most: int | None = None,
) -> list[list[int]]:
    """Greedy answers that list candidates, one per line: all, each exactly once; or some, or a fixed sentence.

    At each token only those may follow that some candidate not yet named, or the sentence, continues with; beside a
    sentence the answer may end where a title is complete.

    Args:
        explainer: Who answers.
        prompts: The questions.
        candidates: Per question the candidates' tokens. No two are alike; without a sentence none begins another.
        batch_size: Prompts decoded at once, more of shorter ones; see `reading.batches`.
        user_vectors: (n, dim) what the questions' user slots point into.
        otherwise: Tokens of the sentence; none: every candidate is named.
        most: Candidates that an answer names at most; None: all.

    Returns:
        Per question the places of its candidates in the order of the answer; none for the sentence.
    """
    listings = [Listing(lines, otherwise, line_break(explainer), end_id(explainer), most) for lines in candidates]
    orders: dict[int, list[int]] = {}
    n_new = max((sum(map(len, lines)) for lines in candidates), default=0)
    for rows in batches(prompts, batch_size, n_new):
        reader = Reader(explainer, [prompts[row] for row in rows], user_vectors)
        choosing = {place: listings[row] for place, row in enumerate(rows) if listings[row].allowed}
        logits = reader.first[list(choosing)]
        while choosing:
            tokens = best_allowed(logits, [listing.allowed for listing in choosing.values()])
            for listing, token in zip(choosing.values(), tokens, strict=True):
                listing.take(token)
            choosing = {row: listing for row, listing in choosing.items() if listing.allowed}
            if choosing:
                read = {row: listing.unread for row, listing in choosing.items()}
                last = torch.tensor([len(nodes) for nodes in read.values()], device=explainer.device).cumsum(0) - 1
                logits = reader.read(read)[last]
        orders |= {row: listings[row].order for row in rows}
    return gather(orders)


def best_allowed(logits: Tensor, allowed: Sequence[Sequence[int]]) -> list[int]:
    """Per row of the logits (n, vocabulary) the most probable of its allowed tokens."""
    width = max(map(len, allowed))
    padded = [[*tokens, *[tokens[0]] * (width - len(tokens))] for tokens in allowed]
    table = torch.tensor(padded, device=logits.device)
    best = logits.gather(1, table).argmax(dim=1, keepdim=True)
    return table.gather(1, best)[:, 0].tolist()


def end_id(explainer: Explainer) -> int:
    """The token that ends an answer."""
    return explainer.encoder.end_ids[0]


def line_break(explainer: Explainer) -> list[int]:
    """The tokens between two lines of an answer."""
    return list(explainer.encoder.answer_ids("\n"))
