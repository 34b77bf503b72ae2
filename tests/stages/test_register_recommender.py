from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from recexplainer import store
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.stages.register_recommender import main
from recexplainer.tracking import registry
from tests.tracking.registry.alone import predict_alone

pytestmark = pytest.mark.slow


def test_the_recommender_is_registered_and_served(project: Path) -> None:
    import mlflow

    torch.manual_seed(0)
    recommender = SASRec(n_items=6, dim=4, max_length=5, n_layers=1, n_heads=1, dropout=0.0).freeze()
    recommender.save(store.RECOMMENDER)
    assert main([]) == 0
    pulled = registry.pull("recommender-sasrec", "demo")
    model = mlflow.pyfunc.load_model(f"models:/{pulled.name}/{pulled.version}")
    answer = model.predict(pd.DataFrame({"history": [[1, 2, 3]]}), params={"k": 2})
    expected = recommender.scores([[1, 2, 3]], exclude_seen=True).topk(2)
    assert answer["item_ids"][0] == expected.indices[0].tolist()
    assert np.allclose(answer["scores"][0], expected.values[0].tolist())
    (project / "elsewhere").mkdir()
    [alone] = predict_alone(
        f"models:/{pulled.name}@candidate", [{"history": [1, 2, 3]}], {"k": 2}, project / "elsewhere"
    )
    assert alone["item_ids"] == answer["item_ids"][0]
    with pytest.raises(Exception, match="expected a whole number from 1 to 6, got 7"):
        model.predict(pd.DataFrame({"history": [[7]]}))


def test_a_missing_model_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "error: models/recommender: no such model folder" in capsys.readouterr().err
