"""Packing: many examples in one row, no padding, no cross-talk, and what prompts share computed once.

Questions about one user begin with the same tokens (the user, then often the same question). They are laid out as a
prefix tree in depth-first order: every shared beginning once, behind it what follows it. A token is seen by the tokens
of its own subtree and by no other, and positions count from the root, so each example's logits are those it has alone.

Source: none in the paper, whose public code pads every example to 1,024 tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recexplainer.prompting.chat import IGNORED, Encoded


@dataclass(frozen=True)
class Tree:
    """Examples with a common beginning, laid out depth first."""

    input_ids: np.ndarray  # int32 (length,)
    targets: np.ndarray
    user_slots: np.ndarray
    item_slots: np.ndarray
    positions: np.ndarray  # int32 (length,), as if each example were alone
    seen_until: np.ndarray  # int32 (length,): the end of the token's subtree; tokens from there on do not see it
    weights: np.ndarray  # float32 (length,), of the targets

    def __len__(self) -> int:
        return len(self.input_ids)


def share_prefixes(examples: Sequence[Encoded], max_tokens: int) -> list[Tree]:
    """The trees of examples in any order: first those without a group, then group by group; see `lay_out`."""
    places = {-1: -1}
    return list(lay_out(sorted(examples, key=lambda one: places.setdefault(one.group, len(places))), max_tokens))


def lay_out(examples: Iterable[Encoded], max_tokens: int) -> Iterator[Tree]:
    """Lay out the examples of each group as trees of at most `max_tokens` tokens; ungrouped examples are alone.

    The examples of a group follow each other; those of one group at a time are in memory.

    The weight of a target is its example's weight divided by the root of its number of targets: with a plain mean over
    tokens, a Yes or No drowns beside a list of titles; with a mean per example, the list is neglected.

    Raises:
        ValueError: If one example alone is longer than `max_tokens`.
    """
    alone = count(1)
    for _, members in groupby(examples, key=lambda one: one.group if one.group >= 0 else -next(alone)):
        yield from _group_trees(list(members), max_tokens)


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


def collate(trees: Iterable[Tree], length: int | None = None) -> dict[str, Tensor]:
    """One packed row as a batch of one.

    Args:
        trees: The trees of the row.
        length: What the row is filled up to, with tokens that see themselves alone; None: not at all.

    Returns:
        `input_ids`, `targets`, `position_ids`, `user_slots`, `item_slots`, `seen_until` (of the row) and `weights`,
        each (1, length).
    """
    parts = list(trees)
    starts = np.cumsum([0, *(len(tree) for tree in parts)])
    size = int(starts[-1])
    seen_until = [start + tree.seen_until for start, tree in zip(starts[:-1], parts, strict=True)]
    n_filled = max(0, (length or 0) - size)

    def row(arrays: list[np.ndarray], fill: Any) -> Tensor:
        filling = np.broadcast_to(np.asarray(fill, dtype=arrays[0].dtype), n_filled)
        return torch.from_numpy(np.concatenate([*arrays, filling])[None])

    def joined(name: str, fill: int) -> Tensor:
        return row([getattr(tree, name) for tree in parts], fill)

    return {
        "input_ids": joined("input_ids", 0).long(),
        "targets": joined("targets", IGNORED).long(),
        "position_ids": joined("positions", 0).long(),
        "user_slots": joined("user_slots", -1).long(),
        "item_slots": joined("item_slots", -1).long(),
        "weights": joined("weights", 0).float(),
        "seen_until": row(seen_until, np.arange(size, size + n_filled) + 1).long(),
    }


def row_masks(config: Any, seen_until: Tensor, positions: Tensor, dtype: torch.dtype) -> Any:
    """What an LLM's layers take for the attention within a packed row: a dense mask, or blocks for flex attention.

    It is made where the row is, so that only (1, length) numbers travel to a GPU.

    Args:
        config: The LLM's.
        seen_until: (1, length) of `collate`.
        positions: (1, length) of `collate`.
        dtype: Of the LLM's activations.
    """
    if config._attn_implementation == "flex_attention":
        return _block_masks(config, seen_until[0], positions[0])
    return layer_masks(config, attention_mask(seen_until[0], dtype), positions, positions)


def attention_mask(seen_until: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The additive mask (1, 1, length, length) by which a token sees itself and those before it whose subtree it is in.

    Args:
        seen_until: (length,) per token, the first place behind it that does not see it any more.
        dtype: Of the mask.
    """
    places = torch.arange(len(seen_until), device=seen_until.device)
    allowed = (places[None, :] <= places[:, None]) & (places[:, None] < seen_until[None, :])
    mask = torch.zeros(allowed.shape, dtype=dtype, device=seen_until.device)
    return mask.masked_fill(~allowed, torch.finfo(dtype).min)[None, None]


def layer_masks(config: Any, mask: Tensor, queries: Tensor, keys: Tensor) -> Tensor | dict[str, Tensor]:
    """The masks that an LLM's layers take, when some of them look no further back than a window of positions.

    In a packed row, and where beams are side by side, the distance in the row is not that of the positions. The
    model cannot narrow such a mask itself.

    Args:
        config: The LLM's.
        mask: (batch, 1, n_queries, n_keys) additive, without a window.
        queries: (batch, n_queries) positions of the tokens that see.
        keys: (batch, n_keys) positions of those that are seen.

    Returns:
        The mask itself where there is no window; one for all layers, or one per kind of layer.
    """
    window, has_kinds = _window(config)
    if not window:
        return mask
    is_far = queries[:, :, None] - keys[:, None, :] >= window
    windowed = mask.masked_fill(is_far[:, None], torch.finfo(mask.dtype).min)
    return {"full_attention": mask, "sliding_attention": windowed} if has_kinds else windowed


def _window(config: Any) -> tuple[int | None, bool]:
    """How many positions back the narrow layers look (None where none is narrow), and whether others are not."""
    config = config.get_text_config()
    window, kinds = getattr(config, "sliding_window", None), getattr(config, "layer_types", None)
    if not window or (kinds and "sliding_attention" not in kinds):
        return None, False
    return window, bool(kinds)


def _block_masks(config: Any, seen_until: Tensor, positions: Tensor) -> Any:
    """`layer_masks` for flex attention, which leaves out the blocks of a row that see nothing of each other."""
    from torch.nn.attention.flex_attention import create_block_mask

    window, has_kinds = _window(config)

    def mask(window: int | None) -> Any:
        def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            allowed = (key <= query) & (query < seen_until[key])
            return allowed & (positions[query] - positions[key] < window) if window else allowed

        length = len(seen_until)
        return create_block_mask(sees, None, None, length, length, device=str(seen_until.device))

    if not window:
        return mask(None)
    return {"full_attention": mask(None), "sliding_attention": mask(window)} if has_kinds else mask(window)


def _group_trees(members: list[Encoded], max_tokens: int) -> list[Tree]:
    """Cut a group into trees that fit; sorted, so that examples with a common beginning are adjacent."""
    longest = max(map(len, members))
    if longest > max_tokens:
        raise ValueError(f"an example of {longest} tokens does not fit a row of {max_tokens}")
    ordered = sorted(members, key=_sort_key)
    trees, current, shared, size = [], [ordered[0]], [0], len(ordered[0])
    for example in ordered[1:]:
        common = _common_prefix(current[-1], example)
        if size + len(example) - common > max_tokens:
            trees.append(_tree(current, shared))
            current, shared, size = [example], [0], len(example)
        else:
            current.append(example)
            shared.append(common)
            size += len(example) - common
    return [*trees, _tree(current, shared)]


def _sort_key(example: Encoded) -> bytes:
    return np.stack([example.input_ids, example.user_slots, example.item_slots], axis=1).tobytes()


def _common_prefix(one: Encoded, other: Encoded) -> int:
    """How many leading tokens, with equal slots, two examples share before either has a target."""
    length = min(_first_target(one), _first_target(other))
    differs = (
        (one.input_ids[:length] != other.input_ids[:length])
        | (one.user_slots[:length] != other.user_slots[:length])
        | (one.item_slots[:length] != other.item_slots[:length])
    )
    return int(np.argmax(differs)) if differs.any() else length


def _first_target(example: Encoded) -> int:
    """The place of the first target; without one the last place, for every example keeps a token of its own."""
    places = np.flatnonzero(example.targets != IGNORED)
    return int(places[0]) if len(places) else len(example) - 1


def _tree(members: list[Encoded], shared: list[int]) -> Tree:
    """Lay out sorted examples, each without the `shared` tokens that it has in common with the last one."""

    def laid_out(name: str) -> np.ndarray:
        return np.concatenate([getattr(member, name)[n:] for member, n in zip(members, shared, strict=True)])

    tails = [len(member) - n for member, n in zip(members, shared, strict=True)]
    seen_until = np.empty(sum(tails), dtype=np.int32)
    path = np.empty(0, dtype=np.int64)  # where the tokens of the present example are
    start = 0
    for n, tail in zip(shared, tails, strict=True):
        seen_until[path[n:]] = start
        path = np.concatenate([path[:n], np.arange(start, start + tail)])
        start += tail
    seen_until[path] = start
    weights = [member.weight / max(1, member.n_targets) ** 0.5 for member in members]
    return Tree(
        input_ids=laid_out("input_ids"),
        targets=laid_out("targets"),
        user_slots=laid_out("user_slots"),
        item_slots=laid_out("item_slots"),
        positions=np.concatenate([np.arange(n, len(member)) for member, n in zip(members, shared, strict=True)]).astype(
            np.int32
        ),
        seen_until=seen_until,
        weights=np.repeat(np.array(weights, dtype=np.float32), tails),
    )
