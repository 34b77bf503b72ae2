"""Deterministic draws of users by hash: a user is always on the same side, whatever else is in the data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

SplitName = Literal["train", "valid", "test"]
TRAIN: SplitName = "train"
VALID: SplitName = "valid"
TEST: SplitName = "test"
SPLITS: tuple[SplitName, ...] = (TRAIN, VALID, TEST)


def hash_fraction(raw_id: str, seed: int, purpose: str) -> float:
    """A number in [0, 1), evenly spread over ids, that depends on raw id, seed and purpose alone."""
    digest = hashlib.blake2b(f"{purpose}\0{seed}\0{raw_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def assign_splits(raw_ids: Sequence[str], seed: int, shares: Mapping[str, float]) -> list[str]:
    """The side of each user: train, valid or test.

    Args:
        raw_ids: Raw user ids.
        seed: Another seed gives another split.
        shares: The expected share of users per side; they sum to 1.
    """
    bounds = np.cumsum([shares[name] for name in SPLITS])
    bounds[-1] = 1.0  # whatever the rounding of the sum
    fractions = [hash_fraction(raw_id, seed, "split") for raw_id in raw_ids]
    return [SPLITS[side] for side in np.searchsorted(bounds, fractions, side="right")]


def sample_users(raw_ids: Sequence[str], seed: int, n_users: int) -> np.ndarray:
    """Which users are in a sample of at most ``n_users``: bool (n,); independent of the ids' order."""
    fractions = [hash_fraction(raw_id, seed, "sample") for raw_id in raw_ids]
    chosen = sorted(range(len(raw_ids)), key=lambda index: (fractions[index], raw_ids[index]))[:n_users]
    mask = np.zeros(len(raw_ids), dtype=bool)
    mask[chosen] = True
    return mask
