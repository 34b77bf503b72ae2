"""Which items the same users took, and how near each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from recexplainer.data.interactions import Interactions

FAINTEST = 1e-3  # of a pair's weight; what is fainter is left out


def co_occurrences(train: Interactions, recency: float) -> tuple[sparse.csr_matrix, np.ndarray]:
    """How often two items were taken by one user (n_items + 1, n_items + 1), and the users of each (n_items + 1,).

    A pair with d other items between its two counts recency ** d. Of an item that a user took more than once the
    newest counts. The diagonal is zero.
    """
    n = train.n_items + 1
    frame = pd.DataFrame({"user": np.repeat(np.arange(len(train.offsets) - 1), np.diff(train.offsets))})
    frame = frame.assign(item=train.item_ids).drop_duplicates(keep="last")
    users, items = frame["user"].to_numpy(), frame["item"].to_numpy()
    if recency == 1:
        shape = (len(train.offsets) - 1, n)
        taken = sparse.csr_matrix((np.ones(len(users), dtype=np.float32), (users, items)), shape=shape)
        counts = taken.T @ taken
    else:
        counts = _faded_pairs(users, items, n, recency)
    counts = (counts - sparse.diags(counts.diagonal())).tocsr()
    counts.eliminate_zeros()
    return counts, np.bincount(items, minlength=n).astype(np.float32)


def _faded_pairs(users: np.ndarray, items: np.ndarray, n: int, recency: float) -> sparse.csr_matrix:
    older_first = sparse.csr_matrix((n, n), dtype=np.float32)
    distance, weight = 1, 1.0
    while distance < len(items) and weight > FAINTEST:
        same_user = users[distance:] == users[:-distance]
        if not same_user.any():
            break
        pairs = (items[:-distance][same_user], items[distance:][same_user])
        weights = np.full(len(pairs[0]), weight, dtype=np.float32)
        older_first += sparse.csr_matrix((weights, pairs), shape=(n, n))
        distance, weight = distance + 1, weight * recency
    return older_first + older_first.T
