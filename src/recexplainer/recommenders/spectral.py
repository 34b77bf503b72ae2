"""Item vectors from who took what with whom, as a start for models that go on learning."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import svds
from torch import Tensor

from recexplainer.data.interactions import Interactions


def spectral_items(train: Interactions, dim: int, seed: int) -> Tensor:
    """Vectors (n_items + 1, dim) of length 1 in which items that the same users took lie close; row 0 is zero.

    The right singular vectors of the users-by-items matrix, normalised by the square roots of both degrees, each
    times the root of its singular value. Items without a training interaction, and dimensions beyond the rank, are
    drawn at random.

    Source: Cremonesi, Koren, Turrin, "Performance of recommender algorithms on top-n recommendation tasks",
    RecSys 2010 (PureSVD). Departures: both degrees are divided out, so that popular items do not fill the first
    dimensions, and the vectors are a start and not the model.

    Args:
        train: Training interactions; one that stands twice counts once.
        dim: Width of the vectors.
        seed: Of the solver's start and of what is drawn.
    """
    n_users, n_items = train.n_users, train.n_items
    users = np.repeat(np.arange(n_users), np.diff(train.offsets[1:]))
    taken = sparse.csr_matrix((np.ones(len(users)), (users, train.item_ids - 1)), shape=(n_users, n_items))
    taken.data[:] = 1.0  # duplicates were summed
    user_degree, item_degree = (np.asarray(taken.sum(axis=axis)).ravel() for axis in (1, 0))
    scale_users, scale_items = (sparse.diags(np.maximum(degree, 1) ** -0.5) for degree in (user_degree, item_degree))
    n_found = min(dim, n_users - 1, n_items - 1)
    vectors = np.zeros((n_items, dim))
    if n_found > 0:
        _, strengths, directions = svds(scale_users @ taken @ scale_items, k=n_found, random_state=seed)
        vectors[:, :n_found] = directions.T * np.sqrt(np.maximum(strengths, 0))
    drawn = np.random.default_rng(seed).standard_normal(vectors.shape) * dim**-0.5
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-6), drawn)
    return torch.from_numpy(np.concatenate([np.zeros((1, dim)), vectors]).astype(np.float32))
