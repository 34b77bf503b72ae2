"""Connectors: from the recommender's space to the LLM's embedding space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS_AT_ONCE = 4096  # of a fit


class Connector(nn.Module):
    """`W2 · GELU(W1 · standardise(e) + b1) + b2`, always in fp32.

    Source: section 3.3. Departures: the input is standardised by the mean and deviation of the training users' or the
    items' vectors (the recommender's vectors have small norms, and learning is many times slower without), and the
    last layer starts at the scale of the LLM's own token embeddings.

    Args:
        vectors: (n, dim) the training users' or the items', for their mean and deviation.
        hidden_size: Width of the layer between.
        output_size: The LLM's embedding size.
        output_std: Root mean square of the LLM's token embeddings.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, vectors: Tensor, hidden_size: int, output_size: int, output_std: float) -> None:
        super().__init__()
        vectors = vectors.float()
        self.register_buffer("mean", vectors.mean(dim=0))
        self.register_buffer("deviation", vectors.std(dim=0).clamp(min=1e-6))
        self.first = nn.Linear(vectors.shape[1], hidden_size)
        self.second = nn.Linear(hidden_size, output_size)
        nn.init.normal_(self.second.weight, std=output_std / (0.6 * hidden_size**0.5))
        nn.init.zeros_(self.second.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        """(…, dim) → (…, output_size), in fp32 where the rest is in mixed precision, too."""
        with torch.autocast(vectors.device.type, enabled=False):
            standard = (vectors.float() - self.mean) / self.deviation
            return self.second(torch.nn.functional.gelu(self.first(standard)))


def fit_connector(connector: Connector, vectors: Tensor, targets: Tensor, steps: int, seed: int) -> float:
    """Fit a connector to points of the embedding space before the LLM is involved.

    From random weights the LLM sees noise at every slot, and most of the alignment is spent on telling slots apart.
    Fitted to the mean embedding of the words that describe an item or a user, a slot says roughly what it stands
    for at once.

    Args:
        connector: Trained in place.
        vectors: (n, dim) of the recommender.
        targets: (n, output_size) where each should lead.
        steps: Of Adam, on all rows at once (at most `ROWS_AT_ONCE` drawn at random per step).
        seed: Of the draw.

    Returns:
        The share of the targets' variance that is explained at the end.
    """
    generator = torch.Generator().manual_seed(seed)
    targets = targets.float()
    optimiser = torch.optim.Adam(connector.parameters(), lr=5e-3)
    with torch.enable_grad():
        for _ in range(steps):
            rows = torch.randperm(len(vectors), generator=generator)[:ROWS_AT_ONCE]
            loss = (connector(vectors[rows]) - targets[rows]).pow(2).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        blocks = zip(vectors.split(ROWS_AT_ONCE), targets.split(ROWS_AT_ONCE), strict=True)
        squares = [(connector(some) - wanted).pow(2).mean(dim=1) for some, wanted in blocks]
        unexplained = torch.cat(squares).mean() / targets.var(dim=0, correction=0).mean()
    return float(1 - unexplained)
