"""Which items the same users took, and how near each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse

from recexplainer.data.interactions import Interactions

FAINTEST = 1e-3  # of a pair's weight; what is fainter is left out
PAIRS_AT_ONCE = 2**22  # of one block of rows: it bounds the memory, not the result


def taken_items(train: Interactions) -> sparse.csr_matrix:
    """(n_users + 1, n_items + 1): 1 where a user took an item, however often."""
    shape = (train.n_users + 1, train.n_items + 1)
    taken = sparse.csr_matrix((np.ones(len(train), np.float32), train.item_ids, train.offsets), shape, copy=True)
    taken.sum_duplicates()
    taken.data[:] = 1
    return taken


def co_occurrences(train: Interactions, recency: float) -> tuple[sparse.csr_matrix, np.ndarray]:
    """How often two items were taken by one user (n_items + 1, n_items + 1), and the users of each (n_items + 1,).

    A pair with d other items between its two counts recency ** d. Of an item that a user took more than once the
    newest counts. The diagonal is zero.
    """
    blocks, n_users = co_occurrence_blocks(train, recency)
    return sparse.vstack(list(blocks), format="csr"), n_users


def co_occurrence_blocks(train: Interactions, recency: float) -> tuple[Iterator[sparse.csr_matrix], np.ndarray]:
    """`co_occurrences` as consecutive blocks of its rows, made one after the other."""
    frame = pd.DataFrame({"user": np.repeat(np.arange(len(train.offsets) - 1), np.diff(train.offsets))})
    frame = frame.assign(item=train.item_ids).drop_duplicates(keep="last")
    edges = _from_zero(np.bincount(frame["user"]))
    weights = recency ** np.arange(max(1, np.diff(edges).max(initial=0) - 1), dtype=np.float64)
    weights = np.concatenate([[0.0], weights[weights > FAINTEST]])  # by distance; an item makes no pair with itself
    items, n_items = frame["item"].to_numpy(), train.n_items + 1
    blocks = _blocks(frame["user"].to_numpy(), items, edges, weights, n_items)
    return blocks, np.bincount(items, minlength=n_items).astype(np.float32)


def _blocks(
    users: np.ndarray, items: np.ndarray, edges: np.ndarray, weights: np.ndarray, n: int
) -> Iterator[sparse.csr_matrix]:
    """The rows of n items; `edges` says where each user's items begin in the array of all."""
    places = np.argsort(items, kind="stable")  # of item 0, of item 1, …
    since = np.maximum(places - len(weights) + 1, edges[users[places]])  # a place makes pairs with those around it
    until = np.minimum(places + len(weights), edges[users[places] + 1])
    n_places = _from_zero(np.bincount(items, minlength=n))
    block = _from_zero(until - since)[n_places[1:]] // PAIRS_AT_ONCE
    for first, last in pairwise([*np.flatnonzero(np.diff(block, prepend=-1)), n]):
        start, end = n_places[[first, last]]
        around = _weights_around(places[start:end], since[start:end], until[start:end], items, weights, n)
        in_rows = (np.ones(end - start), np.arange(end - start), n_places[first : last + 1] - start)
        counts = sparse.csr_matrix(in_rows, shape=(last - first, end - start)) @ around
        counts.eliminate_zeros()
        yield counts.astype(np.float32)


def _weights_around(
    places: np.ndarray, since: np.ndarray, until: np.ndarray, items: np.ndarray, weights: np.ndarray, n: int
) -> sparse.csr_matrix:
    """What each place adds to the row of its item, (n_places, n)."""
    lengths = until - since
    row_edges = _from_zero(lengths)
    others = np.arange(row_edges[-1]) + np.repeat(since - row_edges[:-1], lengths)
    values = weights[np.abs(others - np.repeat(places, lengths))]
    return sparse.csr_matrix((values, items[others], row_edges), shape=(len(places), n))


def _from_zero(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)])
