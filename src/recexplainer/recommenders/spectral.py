"""Item vectors from who took what with whom and from their texts, as a start for models that are then trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh, svds
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor

from recexplainer.data.interactions import Interactions
from recexplainer.recommenders.co_occurrence import co_occurrences, taken_items


def spectral_items(train: Interactions, dim: int, seed: int) -> Tensor:
    """Vectors (n_items + 1, dim) of length 1 in which items that the same users took are close; row 0 is zero.

    The right singular vectors of the users-by-items matrix, normalised by the square roots of both degrees, each
    times the root of its singular value. Items without a training interaction, and dimensions beyond the rank, are
    drawn at random.

    Source: Cremonesi, Koren, Turrin, "Performance of recommender algorithms on top-n recommendation tasks",
    RecSys 2010 (PureSVD). Departures: both degrees are divided out, so that popular items do not fill the first
    dimensions, and the vectors are a start and not the model.

    Args:
        train: Training interactions; a repeated one counts once.
        dim: Width of the vectors.
        seed: Of the solver's start and of what is drawn.
    """
    n_users, n_items = train.n_users, train.n_items
    taken = taken_items(train)[1:, 1:].astype(np.float64)
    user_degree, item_degree = (np.asarray(taken.sum(axis=axis)).ravel() for axis in (1, 0))
    scale_users, scale_items = (sparse.diags(np.maximum(degree, 1) ** -0.5) for degree in (user_degree, item_degree))
    n_found = min(dim, n_users - 1, n_items - 1)
    vectors = np.zeros((n_items, dim))
    if n_found > 0:
        _, strengths, directions = svds(scale_users @ taken @ scale_items, k=n_found, random_state=seed)
        vectors[:, :n_found] = directions.T * np.sqrt(np.maximum(strengths, 0))
    return _as_start(vectors, seed)


def near_items(
    train: Interactions, dim: int, seed: int, recency: float, texts: Sequence[str], text_weight: float
) -> Tensor:
    """Vectors (n_items + 1, dim) of length 1 in which items are close that are near each other in sequences, or whose
    texts share words; row 0 is zero.

    The eigenvectors of A + text_weight · T, each times the root of its eigenvalue. A says how often two items were
    taken together, faded by the items between them (`co_occurrences`), T how alike their texts are (TF-IDF of words and
    pairs of words); each is normalised by the roots of both items' sums, and A has ones on its diagonal, so that no
    eigenvalue of it is negative.

    Source: Levy and Goldberg, "Neural word embedding as implicit matrix factorization", NeurIPS 2014, for vectors from
    the spectrum of windowed counts. Departures: normalised counts and no logarithms, and texts besides.

    Args:
        train: Training interactions.
        dim: Width of the vectors.
        seed: Of the solver's start and of what is drawn.
        recency: What each item between two leaves of a pair's weight.
        texts: What is written of each item, by item id from 1; only read where `text_weight` is above 0.
        text_weight: Of the texts, relative to what was taken together.
    """
    counts, _ = co_occurrences(train, recency)
    near = _normalised(counts[1:, 1:].astype(np.float64))
    words = _words(texts) if text_weight else sparse.csr_matrix((train.n_items, 1))

    def product(vector: np.ndarray) -> np.ndarray:
        return near @ vector + vector + text_weight * (words @ (words.T @ vector))

    n_found = min(dim, train.n_items - 1)
    vectors = np.zeros((train.n_items, dim))
    if n_found > 0:
        kernel = LinearOperator((train.n_items, train.n_items), matvec=product, dtype=np.float64)
        first = np.random.default_rng(seed).standard_normal(train.n_items)
        strengths, directions = eigsh(kernel, k=n_found, which="LA", v0=first)
        vectors[:, :n_found] = directions * np.sqrt(np.maximum(strengths, 0))
    return _as_start(vectors, seed)


def _normalised(symmetric: sparse.csr_matrix) -> sparse.csr_matrix:
    scale = sparse.diags(_inverse_root(np.asarray(symmetric.sum(axis=1)).ravel()))
    return scale @ symmetric @ scale


def _words(texts: Sequence[str]) -> sparse.csr_matrix:
    """TF-IDF W (n_items, n_words) of texts, such that W Wᵀ is their likeness, normalised."""
    vectoriser = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2), token_pattern=r"\w+")
    try:
        words = vectoriser.fit_transform(texts)
    except ValueError:  # no word occurs in two texts
        return sparse.csr_matrix((len(texts), 1))
    return sparse.diags(_inverse_root(words @ np.asarray(words.sum(axis=0)).ravel())) @ words


def _inverse_root(sums: np.ndarray) -> np.ndarray:
    return np.where(sums > 0, 1 / np.sqrt(np.maximum(sums, 1e-12)), 0.0)


def _as_start(vectors: np.ndarray, seed: int) -> Tensor:
    """Vectors (n_items, dim) at length 1, with the padding's row; those of length zero are drawn."""
    dim = vectors.shape[1]
    drawn = np.random.default_rng(seed).standard_normal(vectors.shape) * dim**-0.5
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-6), drawn)
    return torch.from_numpy(np.concatenate([np.zeros((1, dim)), vectors]).astype(np.float32))
