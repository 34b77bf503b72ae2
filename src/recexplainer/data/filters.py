"""Which raw interactions are kept: pure, vectorised steps over coded arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recexplainer.data.readers.raw import RawInteractions
from recexplainer.data.splits import sample_users


def without_duplicates(raw: RawInteractions) -> RawInteractions:
    """The first of the interactions that have the same user, item, time and order.

    An item that a user comes back to at another time is not a duplicate.
    """
    columns = {"user": raw.users, "item": raw.items}
    if raw.times is not None:
        columns["time"] = raw.times
    if raw.orders is not None:
        columns["order"] = raw.orders
    return raw.keep(~pd.DataFrame(columns).duplicated().to_numpy())


def core(raw: RawInteractions, min_per_user: int, min_per_item: int) -> RawInteractions:
    """The largest part in which every user and every item has enough interactions.

    Removing one takes interactions from others, so it is repeated until nothing changes; the result does not
    depend on the order of removal. Repeated interactions count each.
    """
    index = np.arange(len(raw))
    users, items = raw.users, raw.items
    while len(index):
        enough = np.bincount(users)[users] >= min_per_user
        enough &= np.bincount(items)[items] >= min_per_item
        if enough.all():
            break
        index, users, items = index[enough], users[enough], items[enough]
    return raw.keep(_mask(index, len(raw)))


def most_popular(raw: RawInteractions, n_items: int) -> RawInteractions:
    """The interactions with the ``n_items`` items that have most of them; ties by raw id."""
    counts = np.bincount(raw.items, minlength=len(raw.item_names))
    present = raw.present_items()
    ranked = sorted(present, key=lambda item: (-counts[item], raw.item_names[item]))
    return raw.keep(np.isin(raw.items, ranked[:n_items]))


def sampled_users(raw: RawInteractions, n_users: int, seed: int) -> RawInteractions:
    """The interactions of a sample of at most ``n_users`` users."""
    present = raw.present_users()
    chosen = present[sample_users(list(raw.user_names[present]), seed, n_users)]
    return raw.keep(np.isin(raw.users, chosen))


def _mask(index: np.ndarray, length: int) -> np.ndarray:
    mask = np.zeros(length, dtype=bool)
    mask[index] = True
    return mask
