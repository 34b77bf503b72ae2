"""The explainer as an MLflow model: a user's history and an item in, the verdict and its explanation out.

MLflow runs this file when it loads the model; weights come from safetensors, the base LLM from where it was
trained from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
import torch
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from recexplainer import store
from recexplainer.data.examples import Example
from recexplainer.explaining.cases import Asking
from recexplainer.explaining.generate import Lengths, answer
from recexplainer.explaining.guidance import Guidance
from recexplainer.llm.explainer import load_explainer
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.serving.fields import check_names, read_histories, read_items, read_number
from recexplainer.serving.model import ServedModel
from recexplainer.tasks import interest_classification
from recexplainer.tasks.rendering import render

PROMPT_TOKENS, BATCH_SIZE = 2048, 16
NEW_TOKENS, MAX_NEW_TOKENS = 80, 512  # of an explanation: by default, and at most

SIGNATURE = ModelSignature(
    # Whole numbers; declared as such, MLflow's server would cast 5.7 and true before they can be refused.
    inputs=Schema([ColSpec(AnyType(), "history"), ColSpec(AnyType(), "item_id")]),
    outputs=Schema(
        [ColSpec(DataType.string, "verdict"), ColSpec(DataType.double, "p_yes"), ColSpec(DataType.string, "text")]
    ),
    params=ParamSchema([ParamSpec("max_new_tokens", DataType.long, NEW_TOKENS)]),
)


@dataclass(frozen=True)
class Asked:
    """A request that was read."""

    histories: list[list[int]]
    items: list[int]
    max_new_tokens: int


class ServedExplainer(ServedModel):
    """Explains decisions about any history; item ids are those of the prepared catalogue, oldest first."""

    def load(self, folder: Path) -> None:
        """Load the explainer with its recommender and catalogue."""
        self.explainer = load_explainer(folder)
        assert self.explainer.recommender is not None
        self.recommender = self.explainer.recommender
        self.writer = PromptWriter(
            store.read_catalogue(folder / store.CATALOGUE.name), self.explainer.settings["n_categories"]
        )
        self.max_new_tokens = max(NEW_TOKENS, self.explainer.prompt_budget(2 * MAX_NEW_TOKENS) // 2)

    def read_params(self, params: dict[str, Any]) -> int:
        """The parameter `max_new_tokens`, at most half of what the LLM's context holds."""
        check_names(params, ("max_new_tokens",), "params")
        return read_number(params, "max_new_tokens", NEW_TOKENS, 1, self.max_new_tokens)

    def read(self, rows: pd.DataFrame, params: int) -> Asked:
        """Histories, items and the length of the answers."""
        n_items = self.recommender.n_items
        return Asked(read_histories(rows["history"], n_items, 1), read_items(rows["item_id"], n_items), params)

    def answer(self, asked: Asked) -> pd.DataFrame:
        """Return ``verdict``, ``p_yes`` and ``text`` per row."""
        vectors = self.recommender.user_vectors(asked.histories) if self.recommender.has_vectors else None
        words, lengths = partial(render, self.writer), Lengths(PROMPT_TOKENS, asked.max_new_tokens, BATCH_SIZE)
        guidance = Guidance(self.writer.catalogue, "recommender", True, self.recommender)
        with torch.inference_mode():
            answers, _ = answer(self.explainer, words, self._asked(asked), lengths, guidance, vectors)
        rows = [(a.verdict, a.p_yes, a.text) for a in answers]
        return pd.DataFrame(rows, columns=["verdict", "p_yes", "text"])

    def _asked(self, asked: Asked) -> list[Asking]:
        shown = self.explainer.settings["max_history"]
        examples = [
            Example(
                task=interest_classification.NAME,
                split="",
                answer="",
                vector_row=row,
                history=history[-shown:],
                items=[item],
                aspect=interest_classification.EXPLAIN,
            )
            for row, (history, item) in enumerate(zip(asked.histories, asked.items, strict=True))
        ]
        return [Asking(example, history) for example, history in zip(examples, asked.histories, strict=True)]


mlflow.models.set_model(ServedExplainer())
