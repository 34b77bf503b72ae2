"""A prefix tree over token sequences, as arrays: which tokens may follow, for many beams at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from recexplainer.core.errors import InputError
from recexplainer.prompting.chat import ChatEncoder

_MEND = "rename items in the raw data and prepare again, or take another base model"


def title_tokens(encoder: ChatEncoder, titles: Sequence[str]) -> list[list[int]]:
    """The tokens of titles, by which an answer is resolved to the one that it names.

    Raises:
        InputError: If the tokenizer gives two titles the same tokens, or one none, or one that ends an answer.
    """
    sequences = [list(encoder.answer_ids(title)) for title in titles]
    known: dict[tuple[int, ...], str] = {}
    for title, tokens in zip(titles, sequences, strict=True):
        if not tokens or encoder.end_ids[0] in tokens:
            raise InputError(
                f"llm.base: its tokenizer has no tokens for the title {title!r} that an answer can hold; {_MEND}"
            )
        twin = known.setdefault(tuple(tokens), title)
        if twin != title:
            raise InputError(
                f"llm.base: its tokenizer gives the titles {twin!r} and {title!r} the same tokens; {_MEND}"
            )
    return sequences


class Trie:
    """The titles of a catalogue as token sequences, each closed by an end token.

    Node 0 is the root. The children of a node are one slice of `tokens` and `targets`, so a step of beam search is a
    gather, not a loop over the vocabulary.

    Args:
        sequences: Token sequences, none of them empty; equal ones share a leaf.
        end: The token that closes each sequence.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], end: int) -> None:
        children: list[dict[int, int]] = [{}]
        self.end = end
        self.depth = 1 + max(
            (len(sequence) for sequence in sequences), default=0
        )  # tokens of the longest, with its end
        for sequence in sequences:
            node = 0
            for token in [*sequence, end]:
                if token not in children[node]:
                    children[node][token] = len(children)
                    children.append({})
                node = children[node][token]
        counts = torch.tensor([len(branch) for branch in children])
        self.starts = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
        self.tokens = torch.tensor([token for branch in children for token in branch], dtype=torch.long)
        self.targets = torch.tensor([node for branch in children for node in branch.values()], dtype=torch.long)
        self._only = {node: next(iter(branch.items())) for node, branch in enumerate(children) if len(branch) == 1}

    def to(self, device: torch.device) -> Trie:
        """The same tree, its arrays on a device."""
        moved = copy.copy(self)
        moved.starts, moved.tokens, moved.targets = (a.to(device) for a in (self.starts, self.tokens, self.targets))
        return moved

    def continuations(self, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All continuations of some nodes.

        Args:
            nodes: (n,) node numbers.

        Returns:
            For every continuation: the row of `nodes` it continues, its token, and the node it leads to.
        """
        counts = self.starts[nodes + 1] - self.starts[nodes]
        rows = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), counts)
        within = torch.arange(len(rows), device=nodes.device) - torch.repeat_interleave(
            counts.cumsum(0) - counts, counts
        )
        edges = self.starts[nodes][rows] + within
        return rows, self.tokens[edges], self.targets[edges]

    def forced(self, node: int, limit: int) -> list[tuple[int, int]]:
        """What has to follow a node, at most `limit` tokens with the nodes that they lead to.

        It ends before the end token, and where there is a choice.
        """
        path: list[tuple[int, int]] = []
        while len(path) < limit and node in self._only:
            token, node = self._only[node]
            if token == self.end:
                break
            path.append((token, node))
        return path
