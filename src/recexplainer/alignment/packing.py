"""Packing: many examples in one row, no padding, no cross-talk, and a shared prompt computed once.

Several questions about one user begin with the same tokens (the history). They are laid out as a tree: the common
prefix once, then each question with its answer as a branch that sees the prefix and itself. Positions continue
from the prefix in every branch, so each example's logits are those it has alone.

Source: none in the paper, whose public code pads every example to 1,024 tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recexplainer.alignment.chat import IGNORED, Encoded


@dataclass(frozen=True)
class Tree:
    """Examples that share a prefix, laid out one after the other."""

    input_ids: np.ndarray  # int32 (length,)
    targets: np.ndarray
    user_slots: np.ndarray
    item_slots: np.ndarray
    positions: np.ndarray  # int32 (length,), as if each example stood alone
    branches: np.ndarray  # int32 (length,): 0 = the prefix, 1.. = the branches
    weights: np.ndarray  # float32 (length,), of the targets

    def __len__(self) -> int:
        return len(self.input_ids)


def share_prefixes(examples: Sequence[Encoded], max_tokens: int) -> list[Tree]:
    """Lay out the examples of each group as trees of at most `max_tokens` tokens; ungrouped examples stand alone.

    The weight of a target is its example's weight divided by the root of its number of targets: with a plain mean over
    tokens, a Yes or No drowns beside a list of titles; with a mean per example, the list is neglected.

    Raises:
        ValueError: If one example alone is longer than `max_tokens`.
    """
    groups: dict[int, list[Encoded]] = defaultdict(list)
    trees = []
    for example in examples:
        if len(example) > max_tokens:
            raise ValueError(f"an example of {len(example)} tokens does not fit a row of {max_tokens}")
        if example.group < 0:
            trees.append(_tree([example], 0))
        else:
            groups[example.group].append(example)
    for members in groups.values():
        trees.extend(_split_group(members, max_tokens))
    return trees


def pack(trees: Sequence[Tree], row_tokens: int, rng: np.random.Generator) -> list[list[int]]:
    """Group trees into rows of at most `row_tokens` tokens: shuffled, then each into the fullest open row that has
    room.

    Returns:
        The numbers of the trees of each row.
    """
    open_rows: list[tuple[int, list[int]]] = []  # (room left, trees)
    rows: list[list[int]] = []
    for number in rng.permutation(len(trees)):
        size = len(trees[number])
        fits = [place for place, (room, _) in enumerate(open_rows) if room >= size]
        if fits:
            place = min(fits, key=lambda p: open_rows[p][0])
            room, members = open_rows.pop(place)
        else:
            room, members = row_tokens, []
        members.append(int(number))
        open_rows.append((room - size, members))
        if len(open_rows) > 16:
            fullest = min(range(len(open_rows)), key=lambda p: open_rows[p][0])
            rows.append(open_rows.pop(fullest)[1])
    rows.extend(members for _, members in open_rows)
    return [rows[place] for place in rng.permutation(len(rows))]


def collate(trees: Iterable[Tree]) -> dict[str, Tensor]:
    """One packed row as a batch of one.

    Returns:
        `input_ids`, `targets`, `position_ids`, `user_slots`, `item_slots` (1, length), `weights` (1, length) and the
        additive `attention_mask` (1, 1, length, length).
    """
    parts = list(trees)

    def joined(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(tree, name) for tree in parts])[None])

    owner = torch.from_numpy(np.repeat(np.arange(len(parts)), [len(tree) for tree in parts]))
    return {
        "input_ids": joined("input_ids").long(),
        "targets": joined("targets").long(),
        "position_ids": joined("positions").long(),
        "user_slots": joined("user_slots").long(),
        "item_slots": joined("item_slots").long(),
        "weights": joined("weights").float(),
        "attention_mask": attention_mask(owner, joined("branches")[0]),
    }


def attention_mask(owner: Tensor, branches: Tensor) -> Tensor:
    """What each token may see, as an additive mask (1, 1, length, length): earlier tokens of its own prefix and
    branch.
    """
    same_tree = owner[:, None] == owner[None, :]
    visible = (branches[None, :] == 0) | (branches[:, None] == branches[None, :])
    causal = torch.ones(len(owner), len(owner), dtype=torch.bool).tril()
    allowed = same_tree & visible & causal
    mask = torch.zeros(allowed.shape, dtype=torch.float32)
    return mask.masked_fill(~allowed, torch.finfo(torch.float32).min)[None, None]


def _split_group(members: list[Encoded], max_tokens: int) -> list[Tree]:
    """Cut a group into trees that fit, each with the longest prefix that its own members share."""
    trees, current, size = [], [members[0]], len(members[0])
    for example in members[1:]:
        prefix = _common_prefix([current[0], example])
        if size + len(example) - prefix > max_tokens:
            trees.append(_tree(current, _common_prefix(current)))
            current, size = [example], len(example)
        else:
            current.append(example)
            prefix = _common_prefix(current)
            size = prefix + sum(len(member) - prefix for member in current)
            if size > max_tokens:  # the newcomer shortened the prefix of all
                trees.append(_tree(current[:-1], _common_prefix(current[:-1])))
                current, size = [example], len(example)
    return [*trees, _tree(current, _common_prefix(current))]


def _common_prefix(members: list[Encoded]) -> int:
    """How many leading tokens (with equal slots and no target) all members share; at least one token stays in a
    branch.
    """
    if len(members) == 1:
        return 0
    first = members[0]
    length = min(len(member) for member in members) - 1
    for member in members:
        with_loss = np.flatnonzero(member.targets != IGNORED)
        length = min(length, int(with_loss[0]) if len(with_loss) else length)
    for member in members[1:]:
        differs = (
            (first.input_ids[:length] != member.input_ids[:length])
            | (first.user_slots[:length] != member.user_slots[:length])
            | (first.item_slots[:length] != member.item_slots[:length])
        )
        if differs.any():
            length = int(np.argmax(differs))
    return length


def _tree(members: list[Encoded], prefix: int) -> Tree:
    def laid_out(name: str) -> np.ndarray:
        arrays = [getattr(member, name) for member in members]
        return np.concatenate([arrays[0][:prefix], *(array[prefix:] for array in arrays)])

    tails = [len(member) - prefix for member in members]
    positions = [np.arange(prefix), *(np.arange(prefix, prefix + tail) for tail in tails)]
    weights = [member.weight / max(1, member.n_targets) ** 0.5 for member in members]
    return Tree(
        input_ids=laid_out("input_ids"),
        targets=laid_out("targets"),
        user_slots=laid_out("user_slots"),
        item_slots=laid_out("item_slots"),
        positions=np.concatenate(positions).astype(np.int32),
        branches=np.repeat(np.arange(len(members) + 1), [prefix, *tails]).astype(np.int32),
        weights=np.repeat(np.array([0.0, *weights], dtype=np.float32), [prefix, *tails]),
    )
