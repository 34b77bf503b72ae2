"""Decoding: answers of an explainer, batched, with a KV cache, deterministic, free or constrained to what can be
right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from recexplainer.alignment.chat import IGNORED, Encoded
from recexplainer.alignment.packing import collate, pack, share_prefixes
from recexplainer.alignment.sharding import joined, own
from recexplainer.alignment.stepping import Stepper, batches, left_padded
from recexplainer.alignment.trie import Trie
from recexplainer.explainer.model import Explainer


@dataclass(frozen=True)
class Beam:
    """One answer of a beam search: its tokens without the end, and the sum of their log-probabilities (with the
    end).
    """

    tokens: list[int]
    log_probability: float


@torch.inference_mode()
def p_yes(explainer: Explainer, prompts: Sequence[Encoded], row_tokens: int) -> np.ndarray:
    """(n,) the probability of Yes against No as the first token of each answer.

    Prompts of one group are packed on their shared history, which changes no logit.
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
    for row in own(pack(trees, limit, np.random.default_rng(0))):
        parts = collate([trees[n] for n in row])
        batch = {key: tensor.to(explainer.device) for key, tensor in parts.items()}
        owners = batch.pop("targets")[0]
        batch.pop("weights")
        places = (owners != IGNORED).nonzero()[:, 0]
        logits = explainer(places=places, **batch)[0]
        chances = torch.sigmoid(logits[:, yes] - logits[:, no])
        answered |= zip(owners[places].tolist(), chances.tolist(), strict=True)
    return np.array(joined(answered))


@torch.inference_mode()
def generate(
    explainer: Explainer, prompts: Sequence[Encoded], max_new_tokens: int, batch_size: int, *, strip: bool = True
) -> list[str]:
    """Greedy free answers as text, up to the end of the turn; `strip` takes the blanks around them off."""
    tokenizer, end = explainer.encoder.tokenizer, end_id(explainer)
    answered: dict[int, str] = {}
    for rows in batches(prompts, batch_size):
        embeddings, mask = left_padded(explainer, [prompts[row] for row in rows])
        output = explainer.llm.generate(
            inputs_embeds=embeddings,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            eos_token_id=end,
            pad_token_id=tokenizer.pad_token_id,
        )
        for row, tokens in zip(rows, output.tolist(), strict=True):
            text = tokenizer.decode(_until(tokens, end), skip_special_tokens=True, clean_up_tokenization_spaces=False)
            answered[row] = text.strip() if strip else text
    return joined(answered)


@torch.inference_mode()
def beam_search(
    explainer: Explainer, prompts: Sequence[Encoded], n_beams: int, max_new_tokens: int, batch_size: int,
    trie: Trie | None = None,
) -> list[list[Beam]]:  # fmt: skip
    """The `n_beams` most probable answers that a beam search of that width finds, best first.

    Args:
        explainer: Who answers.
        prompts: The questions.
        n_beams: Width of the beam and number of answers.
        max_new_tokens: Answers that do not end by then are dropped.
        batch_size: Prompts decoded at once.
        trie: The only answers allowed; None leaves decoding free. Probabilities are those of the whole vocabulary
            either way, so that a constrained answer has the probability it has in free decoding.
    """
    found: dict[int, list[Beam]] = {}
    for rows in batches(prompts, batch_size):
        search = _Search(explainer, [prompts[row] for row in rows], n_beams, trie)
        for _ in range(max_new_tokens):
            if search.step():
                break
        found |= zip(rows, search.finished(), strict=True)
    return joined(found)


@torch.inference_mode()
def rank_candidates(
    explainer: Explainer, prompts: Sequence[Encoded], candidates: Sequence[Sequence[Sequence[int]]], batch_size: int
) -> list[list[int]]:
    """Greedy answers that list all candidates, one per line, each exactly once.

    At each token only those may follow that some candidate not yet named continues with.

    Args:
        explainer: Who answers.
        prompts: The questions.
        candidates: Per question the candidates' tokens, none of them the beginning of another.
        batch_size: Prompts decoded at once.

    Returns:
        Per question the places of its candidates in the order of the answer.
    """
    line_break = list(explainer.encoder.answer_ids("\n"))
    orders: dict[int, list[int]] = {}
    for rows in batches(prompts, batch_size):
        orders |= {row: [] for row in rows}
        lines = [[[*tokens, *line_break] for tokens in candidates[row]] for row in rows]
        step = Stepper(explainer, [prompts[row] for row in rows])
        log_probabilities = step.first()
        states = [
            (list(range(len(options))), 0) for options in lines
        ]  # candidates that still fit, tokens into the line
        while any(len(orders[row]) < len(lines[n]) for n, row in enumerate(rows)):
            allowed = [
                sorted({lines[n][c][place] for c in fitting} if fitting else {step.pad})
                for n, (fitting, place) in enumerate(states)
            ]
            tokens = _best_allowed(log_probabilities, allowed)
            for n, row in enumerate(rows):
                states[n] = _advance(lines[n], orders[row], *states[n], tokens[n])
            log_probabilities = step.next(torch.tensor(tokens, device=explainer.device))
    return joined(orders)


class _Search:
    """One batch of beam search; the state of all beams is in tensors (batch, n_beams)."""

    def __init__(self, explainer: Explainer, prompts: Sequence[Encoded], n_beams: int, trie: Trie | None) -> None:
        self.n_prompts, self.n_beams = len(prompts), n_beams
        self.end = end_id(explainer)
        self.device = explainer.device
        self.trie = trie.to(self.device) if trie else None
        self.stepper = Stepper(explainer, prompts)
        self.scores = torch.zeros(self.n_prompts, 1, device=self.device)
        self.nodes = torch.zeros(self.n_prompts, 1, dtype=torch.long, device=self.device)
        self.tokens = torch.zeros(self.n_prompts, 1, 0, dtype=torch.long, device=self.device)
        self.ancestry = torch.zeros(self.n_prompts, 1, 0, dtype=torch.bool, device=self.device)
        self.done: list[list[Beam]] = [[] for _ in prompts]
        self.log_probabilities = self.stepper.first()[:, None]  # (batch, n_beams, vocabulary)

    def step(self) -> bool:
        """Extend every beam by a token; True when no beam can improve the answers found."""
        scores, origins, tokens, nodes = self._candidates()
        ends = (tokens == self.end) & scores.isfinite()
        for row, place in ends.nonzero().tolist():
            beam = Beam(self.tokens[row, origins[row, place]].tolist(), float(scores[row, place]))
            self.done[row] = sorted([*self.done[row], beam], key=lambda b: -b.log_probability)[: self.n_beams]
        live = scores.masked_fill(ends, -torch.inf).topk(min(self.n_beams, scores.shape[1]), dim=1)
        self.scores = live.values
        origins, tokens, self.nodes = (values.gather(1, live.indices) for values in (origins, tokens, nodes))
        if self._is_over():
            return True
        self.tokens = torch.cat([_rows_of(self.tokens, origins), tokens[..., None]], dim=2)
        itself = torch.eye(tokens.shape[1], dtype=torch.bool, device=self.device).expand(self.n_prompts, -1, -1)
        self.ancestry = torch.cat([_rows_of(self.ancestry, origins), itself], dim=2)
        self.log_probabilities = self.stepper.next_of_beams(tokens, self.ancestry)
        return False

    def finished(self) -> list[list[Beam]]:
        """The answers found, best first."""
        return self.done

    def _is_over(self) -> bool:
        """No live beam of any prompt can still enter its best answers: log-probabilities only fall."""
        for row, beams in enumerate(self.done):
            bar = beams[-1].log_probability if len(beams) == self.n_beams else -torch.inf
            if bool((self.scores[row] > bar).any()):
                return False
        return True

    def _candidates(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The best 2 · n_beams continuations per prompt: scores, the beam continued, token, node."""
        n_live = self.scores.shape[1]
        if self.trie is None:
            totals = self.scores[..., None] + self.log_probabilities
            best = totals.flatten(1).topk(2 * self.n_beams, dim=1)
            vocabulary = totals.shape[2]
            tokens = best.indices % vocabulary
            return best.values, best.indices // vocabulary, tokens, torch.zeros_like(tokens)
        rows, tokens, nodes = self.trie.continuations(self.nodes.flatten())
        scores = self.scores.flatten()[rows] + self.log_probabilities.flatten(0, 1)[rows, tokens]
        return self._padded(scores, rows // n_live, rows % n_live, tokens, nodes)

    def _padded(
        self, scores: Tensor, prompts: Tensor, origins: Tensor, tokens: Tensor, nodes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Ragged continuations as the best 2 · n_beams per prompt, missing ones at −inf."""
        counts = torch.bincount(prompts, minlength=self.n_prompts)
        places = torch.arange(len(prompts), device=self.device) - (counts.cumsum(0) - counts)[prompts]
        width = max(int(counts.max()), 2 * self.n_beams)
        table = torch.full((self.n_prompts, width), -torch.inf, device=self.device)
        table[prompts, places] = scores
        best = table.topk(2 * self.n_beams, dim=1)
        index = torch.zeros(self.n_prompts, width, dtype=torch.long, device=self.device)
        index[prompts, places] = torch.arange(len(prompts), device=self.device)
        chosen = index.gather(1, best.indices)
        return best.values, origins[chosen], tokens[chosen], nodes[chosen]


def _rows_of(table: Tensor, origins: Tensor) -> Tensor:
    """The rows (batch, n_beams, width) of a table that the beams continue."""
    return table.gather(1, origins[..., None].expand(-1, -1, table.shape[2]))


def _advance(
    lines: list[list[int]], order: list[int], fitting: list[int], place: int, token: int
) -> tuple[list[int], int]:
    """The state of one ranking after a token; a completed line goes to `order`."""
    if not fitting:
        return [], 0
    fitting = [c for c in fitting if lines[c][place] == token]
    place += 1
    if place < len(lines[fitting[0]]):
        return fitting, place
    order.append(fitting[0])
    return [c for c in range(len(lines)) if c not in order], 0


def _best_allowed(log_probabilities: Tensor, allowed: list[list[int]]) -> list[int]:
    """Per row the most probable of its allowed tokens."""
    width = max(map(len, allowed))
    padded = [tokens + [tokens[0]] * (width - len(tokens)) for tokens in allowed]
    table = torch.tensor(padded, device=log_probabilities.device)
    best = log_probabilities.gather(1, table).argmax(dim=1, keepdim=True)
    return table.gather(1, best)[:, 0].tolist()


def end_id(explainer: Explainer) -> int:
    """The token that ends an answer."""
    ends = explainer.encoder.end_ids
    return int(ends[0]) if ends else int(explainer.encoder.tokenizer.eos_token_id)


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens
