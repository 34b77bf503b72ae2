from __future__ import annotations

import numpy as np

from recexplainer.data.splits import assign_splits, hash_fraction, sample_users

SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


def test_a_users_side_depends_on_nothing_but_its_id_and_the_seed():
    users = [f"user {n}" for n in range(300)]
    sides = dict(zip(users, assign_splits(users, 7, SHARES), strict=True))
    backwards = dict(zip(users[::-1], assign_splits(users[::-1], 7, SHARES), strict=True))
    some = dict(zip(users[::3], assign_splits(users[::3], 7, SHARES), strict=True))
    assert sides == backwards
    assert all(sides[user] == side for user, side in some.items())
    assert sides != dict(zip(users, assign_splits(users, 8, SHARES), strict=True))


def test_the_draw_is_the_same_on_every_machine():
    assert hash_fraction("U1", 7, "split") == 0.2506166116499088
    assert hash_fraction("é", 7, "sample") == 0.4661861338259663
    assert hash_fraction("U1", 7, "split") != hash_fraction("U1", 7, "sample")


def test_shares_are_kept():
    users = [str(n) for n in range(20_000)]
    sides = np.array(assign_splits(users, 1, SHARES))
    for side, share in SHARES.items():
        assert abs((sides == side).mean() - share) < 0.01
    assert set(assign_splits(users, 1, {"train": 0.0, "valid": 0.0, "test": 1.0})) == {"test"}


def test_a_smaller_sample_is_part_of_a_larger_one():
    users = [f"u{n}" for n in range(100)]
    small, large = sample_users(users, 3, 20), sample_users(users, 3, 40)
    assert (small.sum(), large.sum(), sample_users(users, 3, 500).sum()) == (20, 40, 100)
    assert not (small & ~large).any()
