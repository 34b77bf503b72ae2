"""Connectors: from the recommender's space to the LLM's embedding space."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

ROWS_OF_A_STEP = 512  # of a fit
_FIT_RATE = 3e-3


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


Targets = Callable[[Tensor, Tensor], Tensor]  # (vectors, the rows that they are of) → where each should lead


def fit_connector(
    connector: Connector,
    vectors: Tensor,
    targets: Targets,
    steps: int,
    seed: int,
    n_rows: int = ROWS_OF_A_STEP,
    mixed: bool = False,
) -> float:
    """Fit a connector to points of the embedding space before the LLM is involved.

    From random weights the LLM sees noise at every slot, and most of the alignment is spent on telling slots apart.
    Fitted to the mean embedding of the words that describe an item or a user, a slot says roughly what it stands
    for at once.

    Args:
        connector: Trained in place.
        vectors: (n, dim) of the recommender.
        targets: Where vectors should lead: (n, output_size).
        steps: Of Adam.
        seed: Of the draw of each step's rows.
        n_rows: How many there are of these, and how many targets are asked for at once.
        mixed: Whether the vectors of a step are moved, at most halfway, towards others: then there are as many as one
            likes, and the connector also fits those that it has not met.

    Returns:
        The share of the targets' variance that is explained at the end.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(connector.parameters(), lr=_FIT_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
    with torch.enable_grad():
        for _ in range(steps):
            rows = torch.randint(len(vectors), (min(n_rows, len(vectors)),), generator=generator)
            drawn = vectors[rows].float()
            if mixed:
                others = torch.randint(len(vectors), (len(rows),), generator=generator)
                drawn = drawn.lerp(vectors[others].float(), torch.rand(len(rows), 1, generator=generator).to(drawn) / 2)
            loss = (connector(drawn) - targets(drawn, rows)).pow(2).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
    return _explained(connector, vectors, targets, n_rows)


@torch.no_grad()
def _explained(connector: Connector, vectors: Tensor, targets: Targets, n_rows: int) -> float:
    """The share of the targets' variance over all vectors."""
    missed, wanted = [], []
    for rows in torch.arange(len(vectors)).split(n_rows):
        some = vectors[rows].float()
        wanted.append(targets(some, rows))
        missed.append((connector(some) - wanted[-1]).pow(2).mean(dim=1))
    return float(1 - torch.cat(missed).mean() / torch.cat(wanted).var(dim=0, correction=0).mean())
