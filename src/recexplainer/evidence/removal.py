"""What the removal of items takes from decisions: of each item alone, and of one after the other, greedily.

An item that a history holds several times is one item: all its positions go together. The column of its newest
position represents it among the shown ones (see `Perturbation.items`), so that what belongs to the items of many
decisions is a table (n_decisions, length).
"""

from __future__ import annotations

import numpy as np

from recexplainer.evidence.perturbation import Perturbation, Variant

SMALLEST_LOG_P = -745.0  # ln of the smallest positive double
GREEDY_LIMIT = 10  # items of an order that are chosen one after the other

Steps = list[list[tuple[int, float]]]  # per decision the columns chosen, and what the removal of each adds


def shown_items(perturbation: Perturbation) -> np.ndarray:
    """(n_decisions, length) bool: the newest column of each item that the decision's explanation can cite."""
    return _newest_columns(perturbation) & _shown(perturbation)


def older_items(perturbation: Perturbation) -> np.ndarray:
    """(n_decisions, length) bool: the newest column of each item in the history that is not shown."""
    return _newest_columns(perturbation) & ~_shown(perturbation)


def losses_without_each(
    perturbation: Perturbation, left: np.ndarray, candidates: np.ndarray, variant: Variant
) -> np.ndarray:
    """(n_decisions, length): what the decision has lost, in nats, without each candidate; -inf in other columns.

    Below zero where what is gone speaks against the decision.

    Args:
        perturbation: The decisions.
        left: (n_decisions, length) bool, what of the history is still there.
        candidates: (n_decisions, length) bool, one column per item that is removed from it.
        variant: How to delete.
    """
    rows, columns = np.nonzero(candidates)
    kept = left[rows] & (perturbation.items[rows] != perturbation.items[rows, columns][:, None])
    lost = np.full(candidates.shape, -np.inf)
    lost[rows, columns] = losses(perturbation, rows, kept, variant)
    return lost


def losses(perturbation: Perturbation, rows: np.ndarray, kept: np.ndarray, variant: Variant) -> np.ndarray:
    """(n,) what decisions lose when only a part of the history is kept (see `Perturbation.outcomes`), in nats.

    A Yes loses when ln p falls, a No when it rises. An item that the recommender rules out counts as of the smallest p.
    """
    after = np.maximum(perturbation.log_p(rows, kept, variant), SMALLEST_LOG_P)
    fallen = np.maximum(perturbation.whole.log_p, SMALLEST_LOG_P)[rows] - after
    return np.where(perturbation.is_yes[rows], fallen, -fallen)


def losses_alone(perturbation: Perturbation, candidates: np.ndarray, variant: Variant) -> np.ndarray:
    """As `losses_without_each`, of the whole history."""
    return losses_without_each(perturbation, perturbation.present, candidates, variant)


def greedy_steps(
    perturbation: Perturbation, alone: np.ndarray, variant: Variant, n_steps: int, at_least: float = -np.inf
) -> Steps:
    """Choose the item whose removal takes most beside the removal of those chosen before; of equals the newest.

    Of two interchangeable items the second counts once the first is gone.

    Args:
        perturbation: The decisions.
        alone: (n_decisions, length), of `losses_alone`: the items to choose from, and what the first step takes.
        variant: How to delete.
        n_steps: How many items at most.
        at_least: Nats that a further item must add; a decision without such an item is done.
    """
    steps: Steps = [[] for _ in perturbation.decisions]
    left, lost, taken = perturbation.present.copy(), alone, np.zeros(len(alone))
    open_items = np.isfinite(alone)
    while open_items.any():
        best = newest_best(lost)
        for row in np.nonzero(open_items.any(axis=1))[0]:
            column, gain = int(best[row]), float(lost[row, best[row]] - taken[row])
            open_items[row, column] = False
            if gain >= at_least:
                steps[row].append((column, gain))
                taken[row] += gain
                left[row] &= perturbation.items[row] != perturbation.items[row, column]
            open_items[row] &= gain >= at_least and len(steps[row]) < n_steps
        lost = losses_without_each(perturbation, left, open_items, variant)
    return steps


def joint_steps(
    perturbation: Perturbation, candidates: np.ndarray, variant: Variant, at_least: float, at_most: int
) -> Steps:
    """A set of items that carries the decision together, where none does alone: each has an equal share.

    All candidates are taken away, and one after the other comes back, as long as the decision stays lost. Without any
    of the set's items the rest does not carry the decision; another set may be smaller. A set with smaller shares than
    `at_least` is none. The newest item comes first.

    Args:
        perturbation: The decisions.
        candidates: (n_decisions, length) bool, one column per item; none in the rows that are not asked about.
        variant: How to delete.
        at_least: Nats.
        at_most: Items; a larger set is none, as a part of it carries nothing.
    """
    removed, lost = candidates.copy(), np.full(len(candidates), -np.inf)
    asked = np.nonzero(candidates.any(axis=1))[0]
    lost[asked] = losses(perturbation, asked, kept_without(perturbation, asked, removed[asked]), variant)
    active = lost >= at_least
    while active.any():
        rows, columns = np.nonzero(removed & active[:, None])
        smaller = removed[rows]
        smaller[np.arange(len(rows)), columns] = False
        table = np.full(removed.shape, -np.inf)
        table[rows, columns] = losses(perturbation, rows, kept_without(perturbation, rows, smaller), variant)
        best = table.argmax(axis=1)  # of equals the oldest comes back
        active &= table[np.arange(len(table)), best] >= at_least
        removed[active, best[active]] = False
        lost[active] = table[active, best[active]]
    sizes = removed.sum(axis=1)
    shares = lost / np.maximum(1, sizes)
    found = (shares >= at_least) & (sizes <= at_most)
    return [
        [(int(column), float(share)) for column in np.nonzero(gone)[0][::-1]] if is_found else []
        for gone, share, is_found in zip(removed, shares, found, strict=True)
    ]


def kept_without(perturbation: Perturbation, rows: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """(n, length) bool: what stays when the items of the removed columns (n, length) go from all their positions."""
    items, gone = perturbation.items[rows], np.zeros(removed.shape, dtype=bool)
    for column in np.nonzero(removed.any(axis=0))[0]:
        gone |= removed[:, column, None] & (items == items[:, column, None])
    return perturbation.present[rows] & ~gone


def leave_one_out_orders(perturbation: Perturbation, variant: Variant) -> list[list[int]]:
    """Per decision its citable positions, first those of the item whose own removal takes most; ties: the newest."""
    alone = losses_alone(perturbation, shown_items(perturbation), variant)
    return [_positions(perturbation, row, order) for row, order in enumerate(_orders(alone))]


def greedy_orders(perturbation: Perturbation, variant: Variant) -> list[list[int]]:
    """Per decision its citable positions, each next item by what its removal adds to the removal of those before it.

    The first item is that of `leave_one_out_orders`; after `GREEDY_LIMIT` items the rest keep that order.
    """
    alone = losses_alone(perturbation, shown_items(perturbation), variant)
    steps = greedy_steps(perturbation, alone, variant, GREEDY_LIMIT)
    return [
        _positions(perturbation, row, list(dict.fromkeys([*(column for column, _ in chosen), *order])))
        for row, (chosen, order) in enumerate(zip(steps, _orders(alone), strict=True))
    ]


def newest_best(values: np.ndarray) -> np.ndarray:
    """(n,): the column of the highest value in each row of (n, length), of equal ones the last.

    >>> newest_best(np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 0.0]])).tolist()
    [2, 0]
    """
    length = values.shape[1]
    return length - 1 - values[:, ::-1].argmax(axis=1) if length else np.zeros(len(values), dtype=np.int64)


def _orders(lost: np.ndarray) -> list[list[int]]:
    """Per row the columns with a value, the highest first, of equals the last."""
    length = lost.shape[1]
    order = length - 1 - np.argsort(-lost[:, ::-1], axis=1, kind="stable")
    return [columns[np.isfinite(lost[row, columns])].tolist() for row, columns in enumerate(order)]


def _positions(perturbation: Perturbation, row: int, columns: list[int]) -> list[int]:
    """Citable positions of items in their order, those of one item together, the newest first."""
    history, citable = perturbation.decisions[row].history, perturbation.decisions[row].citable
    items = [int(perturbation.items[row, column]) for column in columns]
    return [position for item in items for position in reversed(citable) if history[position] == item]


def _shown(perturbation: Perturbation) -> np.ndarray:
    n_shown = np.array([len(decision.citable) for decision in perturbation.decisions], dtype=np.int64)
    length = perturbation.present.shape[1]
    recent = np.arange(length)[None, :] >= length - n_shown[:, None]
    return perturbation.present & recent


def _newest_columns(perturbation: Perturbation) -> np.ndarray:
    """(n_decisions, length) bool: the last occurrence of each item of a history."""
    items = perturbation.items
    newest = perturbation.present.copy()
    for column in range(items.shape[1]):
        newest[:, column] &= (items[:, column + 1 :] != items[:, column, None]).all(axis=1)
    return newest
