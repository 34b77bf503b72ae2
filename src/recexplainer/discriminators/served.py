"""A discriminator as an MLflow model: texts in, the likeliest source or the predicted score out.

MLflow runs this file when it loads the model; the weights come from JSON and safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema

from recexplainer.discriminators.model import load_discriminator
from recexplainer.serving.fields import check_names, read_texts
from recexplainer.serving.model import ServedModel

SIGNATURE = ModelSignature(inputs=Schema([ColSpec(DataType.string, "text")]))


class ServedDiscriminator(ServedModel):
    """Predicts from the text of an explanation."""

    def load(self, folder: Path) -> None:
        """Load the weights."""
        self.model = load_discriminator(folder)

    def read_params(self, params: dict[str, Any]) -> None:
        """There are none."""
        check_names(params, (), "params")

    def read(self, rows: pd.DataFrame, params: None) -> list[str]:
        """The texts."""
        return read_texts(rows["text"])

    def answer(self, asked: list[str]) -> pd.DataFrame:
        """Return one ``prediction`` per ``text``: a source's name, or a score."""
        return pd.DataFrame({"prediction": self.model.predict(asked)})


mlflow.models.set_model(ServedDiscriminator())
