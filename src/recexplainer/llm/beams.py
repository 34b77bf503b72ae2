"""Beam search: the likeliest answers to many questions at once, free or among the titles of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import itemgetter

import torch
from torch import Tensor

from recexplainer.llm.decoding import end_id
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.reading import Node, Reader, batches, read_ahead
from recexplainer.llm.sharding import gather
from recexplainer.llm.title_trie import Trie
from recexplainer.prompting.chat import Encoded

AHEAD = 16  # at most so many tokens without a choice are read ahead


@dataclass(frozen=True)
class Beam:
    """One answer of a beam search: its tokens without the end, and the sum of their log-probabilities (with the
    end).
    """

    tokens: list[int]
    log_probability: float


Barred = Mapping[int, Sequence[int]]  # by node of a trie the tokens that may not follow it


@dataclass(frozen=True)
class Space:
    """Where answers are looked for: of at most `max_tokens` with their end, and in a prefix tree if one is given; there
    each prompt may have answers of its own that are `barred`, as `Trie.barred` tells.
    """

    max_tokens: int
    trie: Trie | None = None
    barred: Sequence[Barred] | None = None


@torch.inference_mode()
def beam_search(
    explainer: Explainer,
    prompts: Sequence[Encoded],
    n_beams: int,
    spaces: Sequence[Space],
    batch_size: int,
    user_vectors: Tensor | None = None,
) -> list[list[list[Beam]]]:
    """The `n_beams` most probable answers that a beam search of that width finds, best first.

    Each prompt is read once. The beams of all spaces continue behind it side by side, as branches of one tree, and what
    a title must continue with is read at once.

    Args:
        explainer: Who answers.
        prompts: The questions.
        n_beams: Width of the beam and number of answers.
        spaces: Where to look, each by itself. Probabilities are those of the whole vocabulary everywhere, so that an
            answer from a tree has the probability it has in free decoding, whatever is barred.
        batch_size: Prompts decoded at once, more of shorter ones; see `reading.batches`.
        user_vectors: (n, dim) what the questions' user slots point into.

    Returns:
        Per space and prompt the answers; those that do not end within the space's tokens are dropped.
    """
    found: dict[int, list[list[Beam]]] = {}
    n_new = n_beams * sum(space.max_tokens for space in spaces)
    for rows in batches(prompts, batch_size, n_new):
        reader = Reader(explainer, [prompts[row] for row in rows], user_vectors)
        found |= zip(rows, _answers(explainer, reader, rows, n_beams, spaces), strict=True)
    answered = gather(found)
    return [[row[number] for row in answered] for number in range(len(spaces))]


_Option = tuple[float, int, int]  # log-probability, token, the node of the trie that it leads to


@dataclass(eq=False)
class _Prefix(Node):
    """The beginning of an answer."""

    space: int = 0  # the number of its space
    in_trie: int = 0  # the node of the trie that it leads to
    barred: Barred = field(default_factory=dict)
    options: list[_Option] | None = None  # how it may continue, best first; None: it is not read yet
    children: dict[int, _Prefix] = field(default_factory=dict)

    def child(self, token: int, in_trie: int) -> _Prefix:
        """This beginning and one more token."""
        if token not in self.children:
            self.children[token] = _Prefix(token, self, space=self.space, in_trie=in_trie, barred=self.barred)
        return self.children[token]

    def path(self) -> list[int]:
        """Its tokens."""
        tokens, node = [], self
        while isinstance(node.parent, _Prefix):
            tokens.append(node.token)
            node = node.parent
        return tokens[::-1]


class _Search:
    """The beams behind one prompt, a row of all prompts, in one space."""

    def __init__(self, n_beams: int, space: Space, number: int, row: int, end: int) -> None:
        self.n_beams, self.trie, self.end = n_beams, space.trie, end
        self.n_left = space.max_tokens
        self.root = _Prefix(space=number, barred=space.barred[row] if space.barred else {})
        self.live = [(0.0, self.root)]
        self.found: list[Beam] = []

    def wanted(self) -> tuple[list[_Prefix], list[_Prefix]]:
        """What has to be read before the next step, once all steps are made that need no more; nothing at the end.
        And what will have to be read behind it, whatever comes.
        """
        while self.live and all(prefix.options is not None for _, prefix in self.live):
            self._step()
        needed = [prefix for _, prefix in self.live if prefix.options is None]
        levels = zip_longest(*[self._forced(prefix) for prefix in needed])
        return needed, [prefix for level in levels for prefix in level if prefix]

    def _step(self) -> None:
        """Extend every beam by a token. An answer counts when it ends among the best 2 · n_beams continuations."""
        going = [
            (score + log_p, prefix, token, in_trie)
            for score, prefix in self.live
            for log_p, token, in_trie in prefix.options or []
        ]
        best = sorted(going, key=itemgetter(0), reverse=True)[: 2 * self.n_beams]
        ended = [Beam(prefix.path(), total) for total, prefix, token, _ in best if token == self.end]
        self.found = sorted([*self.found, *ended], key=lambda beam: -beam.log_probability)[: self.n_beams]
        live = [option for option in best if option[2] != self.end][: self.n_beams]
        bar = self.found[-1].log_probability if len(self.found) == self.n_beams else -torch.inf
        self.n_left -= 1
        self.live = [  # log-probabilities only fall: what is below the answers will stay there
            (total, prefix.child(token, in_trie))
            for total, prefix, token, in_trie in live
            if total > bar and self.n_left
        ]

    def _forced(self, prefix: _Prefix) -> list[_Prefix]:
        """What must follow a prefix."""
        parts = [prefix]
        for token, in_trie in self.trie.forced(prefix.in_trie, AHEAD) if self.trie else []:
            parts.append(parts[-1].child(token, in_trie))
        return parts[1:]


def _answers(
    explainer: Explainer, reader: Reader, rows: Sequence[int], n_beams: int, spaces: Sequence[Space]
) -> list[list[list[Beam]]]:
    """Per prompt that was read, and space, the answers."""
    end = end_id(explainer)
    searches = [[_Search(n_beams, space, number, row, end) for number, space in enumerate(spaces)] for row in rows]
    tries = [space.trie.to(explainer.device) if space.trie else None for space in spaces]
    for roots, trie in zip(
        zip(*[[search.root for search in row] for row in searches], strict=True), tries, strict=True
    ):
        _learn(roots, reader.first, trie, 2 * n_beams)
    while wanted := _to_read(searches):
        logits = reader.read(wanted)
        read = [prefix for line in wanted.values() for prefix in line]
        for number, trie in enumerate(tries):
            places = [place for place, prefix in enumerate(read) if prefix.space == number]
            _learn([read[place] for place in places], logits[places], trie, 2 * n_beams)
    return [[search.found for search in row] for row in searches]


def _to_read(searches: list[list[_Search]]) -> dict[int, list[_Prefix]]:
    """By prompt what its searches have to read next, and what they may need later where there is room."""
    lines: dict[int, list[_Prefix]] = {}
    width = 0
    for row, of_row in enumerate(searches):
        wanted = [search.wanted() for search in of_row]
        needed = [prefix for parts, _ in wanted for prefix in parts]
        if needed:
            lines[row] = [*needed, *(prefix for _, parts in wanted for prefix in parts)]
            width = max(width, len(needed))
    return read_ahead(lines, width)


def _learn(prefixes: Sequence[_Prefix], logits: Tensor, trie: Trie | None, n: int) -> None:
    """Note the `n` best continuations of the prefixes.

    Args:
        prefixes: What was read.
        logits: (n_prefixes, vocabulary) of what follows each.
        trie: What may follow; None: anything.
        n: More than that are never among the best of a prompt.
    """
    if not prefixes:
        return
    whole = logits.logsumexp(dim=1, keepdim=True)
    barred = [(at, token) for at, prefix in enumerate(prefixes) for token in prefix.barred.get(prefix.in_trie, ())]
    if barred:
        logits = logits.clone()
        logits[tuple(torch.tensor(barred, device=logits.device).T)] = -torch.inf
    if trie is None:
        best = logits.topk(min(n, logits.shape[1]), dim=1)
        values, tokens, targets = best.values, best.indices, torch.zeros_like(best.indices)
    else:
        places = torch.tensor([prefix.in_trie for prefix in prefixes], device=logits.device)
        values, tokens, targets = _best_in_trie(logits, *trie.continuations(places), n)
    values = values - whole
    for prefix, *row in zip(prefixes, values.tolist(), tokens.tolist(), targets.tolist(), strict=True):
        prefix.options = [option for option in zip(*row, strict=True) if option[0] > -torch.inf]


def _best_in_trie(
    logits: Tensor, rows: Tensor, tokens: Tensor, targets: Tensor, n: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the continuations of each row the best `n`, as tables (n_rows, ≤ n) that are filled up with −inf."""
    counts = torch.bincount(rows, minlength=len(logits))
    places = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    width = int(counts.max())
    scores = logits.new_full((len(logits), width), -torch.inf)
    scores[rows, places] = logits[rows, tokens]
    numbers = torch.zeros(len(logits), width, dtype=torch.long, device=rows.device)
    numbers[rows, places] = torch.arange(len(rows), device=rows.device)
    best = scores.topk(min(n, width), dim=1)
    chosen = numbers.gather(1, best.indices)
    return best.values, tokens[chosen], targets[chosen]
