"""A discriminator as an MLflow model: texts in, the likeliest source or the predicted score out.

MLflow runs this file when it loads the model; the weights come from JSON and safetensors.
"""

from __future__ import annotations

from typing import Any

import mlflow.models
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel
from mlflow.types.schema import ColSpec, DataType, Schema

from recexplainer.discriminators.text_model import load_discriminator

SIGNATURE = ModelSignature(inputs=Schema([ColSpec(DataType.string, "text")]))


class ServedDiscriminator(PythonModel):
    """Predicts from the text of an explanation."""

    def load_context(self, context: Any) -> None:
        """Load the weights."""
        self.model = load_discriminator(context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return one ``prediction`` per ``text``: a source's name, or a score."""
        return pd.DataFrame({"prediction": self.model.predict([str(text) for text in model_input["text"]])})


mlflow.models.set_model(ServedDiscriminator())
