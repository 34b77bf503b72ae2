from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from recexplainer.tracking import registry
from tests.tracking.registry.alone import predict_alone
from tests.tracking.registry.score_predictor import NAME, ROLE, register

pytestmark = pytest.mark.slow


def test_it_is_served_without_pickle(project: Path) -> None:
    import mlflow

    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    register(2.0)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@candidate")
    assert model.predict(pd.DataFrame({"text": ["good", "bad"]}))["prediction"].tolist() == [2.0, 0.0]
    assert not [path for path in Path("mlruns").rglob("*") if path.suffix in (".pkl", ".pickle")]
    requirements = next(Path("mlruns").rglob("requirements.txt")).read_text().splitlines()
    assert "torch==2.13.0" in requirements and not [pin for pin in requirements if pin.startswith(("dvc", "pytest"))]
    (project / "elsewhere").mkdir()
    [alone] = predict_alone(f"models:/{NAME}@candidate", [{"text": "good"}], {}, project / "elsewhere")
    assert alone["prediction"] == 2.0
    registry.pull(ROLE, "demo")  # serving has not changed the stored files
