from __future__ import annotations

import numpy as np

from recexplainer.data.filters import core, most_popular, sampled_users, without_duplicates


def pairs(raw):
    return list(zip(raw.user_names[raw.users], raw.item_names[raw.items], strict=True))


def test_core_worked_by_hand(raw_interactions):
    """u4 has one interaction; without it item d has one; without d user u3 has one; then c has one."""
    rows = [
        ("u1", "a"),
        ("u1", "b"),
        ("u2", "a"),
        ("u2", "b"),
        ("u3", "c"),
        ("u3", "d"),
        ("u4", "d"),
        ("u2", "c"),
    ]
    raw = raw_interactions([(*row, n) for n, row in enumerate(rows)])
    kept = core(raw, 2, 2)
    assert pairs(kept) == [("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b")]
    assert kept.times.tolist() == [0, 1, 2, 3]


def test_core_has_a_bound_for_users_and_one_for_items(raw_interactions):
    raw = raw_interactions([("u1", "a", 1), ("u1", "b", 2), ("u2", "a", 3)])
    assert pairs(core(raw, 2, 0)) == [("u1", "a"), ("u1", "b")]
    assert pairs(core(raw, 0, 2)) == [("u1", "a"), ("u2", "a")]
    assert pairs(core(raw, 0, 0)) == pairs(raw)
    assert len(core(raw, 3, 3)) == 0


def test_core_is_the_largest_part_that_fits(raw_interactions):
    """Against a plain loop that removes one user or item at a time."""
    rng = np.random.default_rng(3)
    rows = sorted({(f"u{rng.integers(30)}", f"i{rng.integers(20)}") for _ in range(130)})
    left = set(rows)
    while True:
        users, items = [user for user, _ in left], [item for _, item in left]
        weak = [row for row in left if users.count(row[0]) < 3 or items.count(row[1]) < 4]
        if not weak:
            break
        left -= {row for row in left if row[0] == weak[0][0]} if users.count(weak[0][0]) < 3 else {
            row for row in left if row[1] == weak[0][1]
        }  # fmt: skip
    assert 0 < len(left) < len(rows)
    assert set(pairs(core(raw_interactions([(*row, 0) for row in rows]), 3, 4))) == left


def test_a_duplicate_has_the_same_time_and_a_return_has_not(raw_interactions):
    raw = raw_interactions([("u", "a", 1, 5.0), ("u", "b", 1, 4.0), ("u", "a", 1, 2.0), ("u", "a", 2, 3.0)])
    kept = without_duplicates(raw)
    assert pairs(kept) == [("u", "a"), ("u", "b"), ("u", "a")]
    assert kept.ratings.tolist() == [5.0, 4.0, 3.0]


def test_most_popular_breaks_ties_by_raw_id(raw_interactions):
    raw = raw_interactions([("u1", "c", 1), ("u1", "b", 2), ("u2", "d", 3), ("u2", "d", 4), ("u1", "a", 5)])
    assert {item for _, item in pairs(most_popular(raw, 2))} == {"d", "a"}
    assert pairs(most_popular(raw, 10)) == pairs(raw)


def test_a_sample_of_users_depends_on_the_seed_and_not_on_the_order(raw_interactions):
    rows = [(f"u{n}", "a", n) for n in range(50)]
    first = sampled_users(raw_interactions(rows), 10, seed=1)
    other_order = sampled_users(raw_interactions(rows[::-1]), 10, seed=1)
    other_seed = sampled_users(raw_interactions(rows), 10, seed=2)
    assert len(set(first.users)) == 10
    assert set(pairs(first)) == set(pairs(other_order))
    assert set(pairs(first)) != set(pairs(other_seed))
