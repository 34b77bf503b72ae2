"""Where the connectors start: at the words of what they stand for.

Source: none in the paper, whose connectors start at random. An item's slot is fitted to the mean token embedding of the
item's text, a user's to the mean over the history and the recommender's first item of the training users.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from recexplainer.alignment.examples import Example
from recexplainer.alignment.prompts import PromptWriter
from recexplainer.alignment.tasks import history_reconstruction, next_item_retrieval
from recexplainer.explainer.connectors import fit_connector
from recexplainer.explainer.model import Explainer


def warm_start(
    explainer: Explainer, writer: PromptWriter, examples: Sequence[Example], user_vectors: Tensor, steps: int, seed: int
) -> dict[str, float]:
    """Fit the connectors of an explainer in place, on the training examples given.

    Returns:
        The share of variance explained by the item and by the user connector; empty for a mode without connectors.
    """
    if explainer.connectors is None or steps == 0:
        return {}
    assert explainer.item_vectors is not None
    words = item_embeddings(explainer, writer)
    rows, users = user_embeddings(examples, words)
    fits = {
        "item": (explainer.item_vectors[1:].to(explainer.device), words[1:]),
        "user": (user_vectors[rows].to(explainer.device), users),
    }
    return {
        f"warm_start_{name}": round(fit_connector(explainer.connectors[name], vectors, targets, steps, seed), 4)  # type: ignore[arg-type]
        for name, (vectors, targets) in fits.items()
    }


@torch.no_grad()
def item_embeddings(explainer: Explainer, writer: PromptWriter) -> Tensor:
    """(n_items + 1, hidden) the mean token embedding of each item's text, at the scale of one token; row 0 is zero."""
    table = explainer.llm.get_input_embeddings().weight.float()
    means = torch.zeros(writer.catalogue.n_items + 1, table.shape[1], device=table.device)
    for item in range(1, len(means)):
        ids = torch.tensor(explainer.encoder.answer_ids(writer.item_text(item)), device=table.device)
        means[item] = table[ids].mean(dim=0)
    return _at_scale_of(means, table)


def user_embeddings(examples: Sequence[Example], words: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of the table of user vectors, and where each should lead: (n,) and (n, hidden)."""
    history: dict[int, list[int]] = {}
    first: dict[int, int] = defaultdict(int)
    for example in examples:
        if example.task == history_reconstruction.NAME:
            history[example.vector_row] = example.history
        elif example.task == next_item_retrieval.NAME:
            first[example.vector_row] = int(example.answer[0])
    rows = sorted(history)
    means = torch.stack([(words[history[row]].mean(dim=0) + words[first[row]]) / 2 for row in rows])
    return torch.tensor(rows), _at_scale_of(means, words[1:])


def _at_scale_of(vectors: Tensor, table: Tensor) -> Tensor:
    """Vectors around their mean, stretched to the root mean square of a table: means of many rows are all alike."""
    centre = vectors[1:].mean(dim=0)
    spread = vectors - centre
    stretched = spread * (table.pow(2).mean().sqrt() / spread[1:].pow(2).mean().sqrt()) + centre
    if not vectors[0].any():
        stretched[0] = 0
    return stretched
