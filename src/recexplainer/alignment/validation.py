"""How an explainer does on a few valid users while it learns: its loss, and the alignment metrics.

Validation only watches: it draws nothing from the generators that training uses, and leaves the weights alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recexplainer.alignment.evaluation import evaluate
from recexplainer.alignment.rows import packed_rows
from recexplainer.alignment.trainer import answer_loss
from recexplainer.alignment.training import training_examples
from recexplainer.core.settings import Align, EvaluateAlignment
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.packing import collate
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.tasks.known import TASKS

Measure = Callable[[], dict[str, Any]]
ASKED = {  # by task: the metrics that are told
    "next_item_retrieval": ("hr@5", "ndcg@5"),
    "item_ranking": ("paper_ndcg@5", "ndcg@5"),
    "interest_classification": ("accuracy", "auc"),
}
N_BEAMS = 5


def users_examples(examples: Sequence[Example], n_users: int, seed: int) -> list[Example]:
    """All examples about some of the users: the same ones in every run of a seed."""
    users = sorted({example.user_id for example in examples} - {0})
    chosen = set(np.random.default_rng(seed).permutation(users)[:n_users].tolist())
    return [example for example in examples if example.user_id in chosen]


def validation(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    user_vectors: Tensor,
    interactions: Interactions,
    align: Align,
    seed: int,
) -> Measure | None:
    """What measures the explainer as it is when it is called; None where there is nothing to ask.

    An explainer that is compiled for rows of one length, or whose attention asks for them, gives its loss alone.

    Args:
        explainer: Who learns.
        writer: Writes prompts.
        examples: Of valid users; `align.eval_users` of them are asked.
        user_vectors: (n, dim) what the examples' `vector_row` points into.
        interactions: The users' whole histories.
        align: The settings.
        seed: Of the users, and of how often their examples count in the loss.

    Raises:
        InputError: If prompts do not fit a row even without history.
    """
    if not align.eval_steps:
        return None
    asked = users_examples(examples, align.eval_users, seed)
    rng = np.random.default_rng(seed)
    rows = packed_rows(training_examples(explainer, writer, asked, align, rng), align, rng)
    if not rows:
        return None
    tasks = [] if align.rows_are_filled else [name for name in ASKED if TASKS[name].asked(asked)]
    length = align.row_tokens if align.rows_are_filled else None
    batches = [collate(row, length) for row in rows]
    settings = EvaluateAlignment(
        sources=[], tasks=tasks, n_beams=N_BEAMS, ranking="constrained", max_title_tokens=1,
        max_prompt_tokens=align.row_tokens, row_tokens=align.row_tokens, batch_size=64, n_draws=0,
    )  # fmt: skip

    def measure() -> dict[str, Any]:
        found = evaluate(explainer, writer, asked, settings, seed, user_vectors, interactions).metrics if tasks else {}
        metrics = {task: {name: found[task][name] for name in ASKED[task]} for task in tasks}
        return {"loss": mean_loss(explainer, batches, user_vectors), **metrics}

    return measure


@torch.no_grad()
def mean_loss(explainer: Explainer, batches: Sequence[dict[str, Tensor]], user_vectors: Tensor) -> float:
    """The weighted token losses of packed rows, over their weights: what the loss of training estimates."""
    total = weight = 0.0
    for batch in batches:
        inputs = {name: tensor.to(explainer.device) for name, tensor in batch.items()}
        total += float(answer_loss(explainer, inputs, user_vectors))
        weight += float(batch["weights"][batch["targets"] >= 0].sum())
    return total / weight
