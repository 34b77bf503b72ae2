"""A prefix tree over token sequences, as arrays: which tokens may follow, for many beams at once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from recexplainer.core.errors import InputError
from recexplainer.prompting.chat import ChatEncoder

_MEND = "rename items in the raw data and prepare again, or choose another base model"


def title_tokens(encoder: ChatEncoder, titles: Sequence[str]) -> list[list[int]]:
    """The tokens of titles, by which an answer is resolved to the one that it names.

    Raises:
        InputError: If the tokenizer gives two titles the same tokens, or one none, or one that ends an answer.
    """
    sequences = [list(encoder.answer_ids(title)) for title in titles]
    known: dict[tuple[int, ...], str] = {}
    for title, tokens in zip(titles, sequences, strict=True):
        if not tokens or encoder.end_ids[0] in tokens:
            raise InputError(f"llm.base: its tokenizer cannot encode the title {title!r} in an answer; {_MEND}")
        twin = known.setdefault(tuple(tokens), title)
        if twin != title:
            raise InputError(
                f"llm.base: its tokenizer gives the titles {twin!r} and {title!r} the same tokens; {_MEND}"
            )
    return sequences


class Trie:
    """The titles of a catalogue as token sequences, each closed by an end token.

    Two flat arrays. Nodes are numbered level by level from the root, 0, and within a level by their parent and then by
    their token. So the children of a node are a range, edge e leads to node e + 1, and a step of beam search is a
    gather, not a loop over the vocabulary.

    Args:
        sequences: Token sequences, none of them empty; equal ones share a leaf.
        end: The token that closes each sequence.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], end: int) -> None:
        self.end = end
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences)) + 1  # with the end
        self.depth = int(lengths.max(initial=1))  # tokens of the longest, with its end
        closed = chain.from_iterable(chain(sequence, (end,)) for sequence in sequences)
        tokens = np.fromiter(closed, dtype=np.int32, count=int(lengths.sum()))
        starts, tokens = _flat(tokens, lengths)
        self.starts, self.tokens = torch.from_numpy(starts), torch.from_numpy(tokens)

    def to(self, device: torch.device) -> Trie:
        """The same tree, its arrays on a device."""
        moved = copy.copy(self)
        moved.starts, moved.tokens = self.starts.to(device), self.tokens.to(device)
        return moved

    def continuations(self, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All continuations of some nodes.

        Args:
            nodes: (n,) node numbers.

        Returns:
            For every continuation: the row of `nodes` it continues, its token, and the node it leads to.
        """
        first = self.starts[nodes].long()
        counts = self.starts[nodes + 1] - first
        rows = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), counts)
        within = torch.arange(len(rows), device=nodes.device) - torch.repeat_interleave(
            counts.cumsum(0) - counts, counts
        )
        edges = first[rows] + within
        return rows, self.tokens[edges].long(), edges + 1

    def barred(self, sequences: Iterable[Sequence[int]]) -> dict[int, list[int]]:
        """By node the tokens that may not follow it if none of some sequences of the tree may be found.

        A beginning that only these sequences share is barred with them, so that no beam is lost in it.
        """
        closed: set[int] = set()
        tokens_of: dict[int, list[int]] = {}
        for path in {tuple(self._path(sequence)) for sequence in sequences}:
            for node, token, child in reversed(path):
                closed.add(child)
                tokens_of.setdefault(node, []).append(token)
                first, behind = self.starts[node : node + 2].tolist()
                if any(edge + 1 not in closed for edge in range(first, behind)):
                    break
        return tokens_of

    def _path(self, sequence: Sequence[int]) -> list[tuple[int, int, int]]:
        """From the root to a sequence's end: node, token, and the node that it leads to."""
        path, node = [], 0
        for token in (*sequence, self.end):
            first, behind = self.starts[node : node + 2].tolist()
            child = first + int(torch.searchsorted(self.tokens[first:behind], token)) + 1
            path.append((node, token, child))
            node = child
        return path

    def forced(self, node: int, limit: int) -> list[tuple[int, int]]:
        """What has to follow a node, at most `limit` tokens with the nodes that they lead to.

        It ends before the end token, and where there is a choice.
        """
        path: list[tuple[int, int]] = []
        while len(path) < limit:
            edge, behind = self.starts[node : node + 2].tolist()
            if behind - edge != 1 or (token := int(self.tokens[edge])) == self.end:
                break
            node = edge + 1
            path.append((token, node))
        return path


def _flat(tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n_nodes + 1,) where each node's edges begin, and (n_nodes - 1,) their tokens.

    Level by level: the sequences that continue beyond a level are grouped by their node and their next token.

    Args:
        tokens: int32, of all sequences, one behind the other.
        lengths: (n_sequences,) of each.
    """
    base = int(tokens.max(initial=0)) + 1
    going = np.arange(len(lengths))
    places = np.cumsum(lengths) - lengths  # of each sequence's next token
    nodes = np.zeros(len(lengths), dtype=np.int64)  # where each sequence stands
    n_nodes = 1
    parents, edges = [np.zeros(0, dtype=np.int64)], [tokens[:0]]
    for level in range(int(lengths.max(initial=0))):
        going = going[lengths[going] > level]
        steps, nodes[going] = np.unique(nodes[going] * base + tokens[places[going] + level], return_inverse=True)
        nodes[going] += n_nodes
        n_nodes += len(steps)
        parents.append(steps // base)
        edges.append((steps % base).astype(np.int32))
    counts = np.bincount(np.concatenate(parents), minlength=n_nodes)
    return np.concatenate([[0], counts.cumsum()]).astype(np.int32), np.concatenate(edges)
