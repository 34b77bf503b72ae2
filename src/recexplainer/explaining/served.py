"""The explainer as an MLflow model: a user's history and an item in, the verdict, its explanation and its reasons out.

MLflow runs this file when it loads the model; weights come from safetensors, the base LLM from where it was
trained from, or from where RECEXPLAINER_BASE says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
import yaml
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Object, ParamSchema, ParamSpec, Property, Schema

from recexplainer import store
from recexplainer.core.contents import content_sha256
from recexplainer.core.errors import InputError
from recexplainer.explaining.respond import MAX_TOP_K, NEW_TOKENS, Options, Question, open_responder
from recexplainer.serving.fields import check_names, is_absent, read_histories, read_optional_number
from recexplainer.serving.model import ServedModel

META = "registered_model_meta"  # what MLflow writes next to a model that it opens by its registered name
ROW = "row"


def _optional(name: str, kind: DataType) -> Property:
    return Property(name, kind, required=False)


_ITEM = [Property("id", DataType.long), Property("raw_id", DataType.string), Property("title", DataType.string)]
_REASON = Object(
    [
        _optional("id", DataType.long),
        _optional("raw_id", DataType.string),
        Property("title", DataType.string),
        Property("in_history", DataType.boolean),
        _optional("score_without", DataType.double),
        _optional("rank_without", DataType.long),
        _optional("strength", DataType.double),
    ]
)
_MODEL = Object([_optional(name, DataType.string) for name in ("name", "version", "content")])

SIGNATURE = ModelSignature(
    # Numbers or texts; declared as either, MLflow's server would cast 5.7 and true before they can be refused.
    inputs=Schema(
        [
            ColSpec(AnyType(), "history"),
            ColSpec(AnyType(), "item", required=False),
            ColSpec(AnyType(), "item_id", required=False),
        ]
    ),
    outputs=Schema(
        [
            ColSpec(DataType.string, "verdict"),
            ColSpec(DataType.double, "p_yes"),
            ColSpec(DataType.string, "text"),
            ColSpec(DataType.string, "counterfactual", required=False),
            ColSpec(DataType.string, "text_by"),
            ColSpec(Array(DataType.string), "defects"),
            ColSpec(DataType.string, "label", required=False),
            ColSpec(DataType.double, "score", required=False),
            ColSpec(DataType.long, "rank"),
            ColSpec(DataType.long, "n_ranked"),
            ColSpec(Object(_ITEM), "item"),
            ColSpec(Array(_REASON), "cited"),
            ColSpec(Array(_REASON), "evidence"),
            ColSpec(_MODEL, "model"),
            ColSpec(DataType.long, ROW),
        ]
    ),
    params=ParamSchema(
        [
            ParamSpec("max_new_tokens", DataType.long, NEW_TOKENS),
            ParamSpec("focus", DataType.string, None),
            ParamSpec("audience", DataType.string, None),
            ParamSpec("max_sentences", DataType.long, None),
            ParamSpec("top_k", DataType.long, None),
        ]
    ),
)
COLUMNS = SIGNATURE.outputs.input_names()
PARAMS = tuple(spec.name for spec in SIGNATURE.params.params)


def input_example(folder: Path) -> pd.DataFrame:
    """A request by raw ids, kept with the model.

    Args:
        folder: The explainer's.
    """
    raw_ids = store.read_catalogue(folder / store.CATALOGUE.name).frame["raw_id"].astype(str).tolist()
    return pd.DataFrame({"history": [raw_ids[:3]], "item": raw_ids[3:4] or raw_ids[:1]})


@dataclass(frozen=True)
class Asked:
    """A request that was read.

    Attributes:
        questions: What is asked about, in the order of the rows.
        rows: The number of each question's row, from 1.
        options: How.
    """

    questions: list[Question]
    rows: list[int]
    options: Options


class ServedExplainer(ServedModel):
    """Explains decisions about any history; items are named as `ItemNames` reads them, oldest first."""

    def load(self, folder: Path) -> None:
        """Load the explainer with its recommender and catalogue."""
        self.responder = open_responder(folder, None, *_registered_as(folder), content_sha256(folder))

    def read_params(self, params: dict[str, Any]) -> tuple[Options, int | None]:
        """The options and `top_k`."""
        check_names(params, PARAMS, "params")
        return self.responder.read_options(params), read_optional_number(params, "top_k", 1, MAX_TOP_K)

    def read(self, rows: pd.DataFrame, params: tuple[Options, int | None]) -> Asked:
        """Histories and items; a row without an item asks about the recommender's `top_k` best ones."""
        options, top_k = params
        histories = read_histories(rows["history"], self.responder.names.find, 1)
        pairs = [
            (row, Question(history, item))
            for row, (history, named) in enumerate(zip(histories, _items(rows), strict=True), start=1)
            for item in self._items_of(row, history, named, top_k)
        ]
        return Asked([question for _, question in pairs], [row for row, _ in pairs], options)

    def answer(self, asked: Asked) -> pd.DataFrame:
        """A `Reply` per row of the answer, and the number of the request's row that it answers."""
        replies = self.responder.answer(asked.questions, asked.options) if asked.questions else []
        rows = [reply.to_dict() | {ROW: row} for reply, row in zip(replies, asked.rows, strict=True)]
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object).astype({"p_yes": float})  # elsewhere null stays null

    def _items_of(self, row: int, history: list[int], named: dict[str, Any], top_k: int | None) -> list[int]:
        if len(named) == 2:
            raise InputError(f"row {row}: give item or item_id, not both")
        if named and top_k is not None:
            raise InputError(f"row {row}: names an item, but params.top_k asks for the best ones: give one of the two")
        if top_k is not None:
            return self.responder.best_items(history, top_k)
        if not named:
            raise InputError(f"row {row}: names no item: give item, or params.top_k")
        [(field, value)] = named.items()
        return [self.responder.names.find(value, f"{field} in row {row}")]


def _items(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Per row the fields that name an item, with their values."""
    fields = [field for field in ("item", "item_id") if field in rows]
    columns = [rows[field].tolist() for field in fields]
    return [
        {field: column[place] for field, column in zip(fields, columns, strict=True) if not is_absent(column[place])}
        for place in range(len(rows))
    ]


def _registered_as(folder: Path) -> tuple[str | None, str | None]:
    """The name and the version by which MLflow opened the model; None where it opened it by a path or a run."""
    meta = next((parent / META for parent in folder.parents if (parent / "MLmodel").is_file()), None)
    if meta is None or not meta.is_file():
        return None, None
    known = yaml.safe_load(meta.read_text(encoding="utf-8"))
    return (str(known["model_name"]), str(known["model_version"])) if known["model_name"] else (None, None)


mlflow.models.set_model(ServedExplainer())
