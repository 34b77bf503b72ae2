from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recexplainer import registry, store, tracking
from recexplainer.alignment import decoding
from recexplainer.alignment.examples import Example
from recexplainer.alignment.prompts import PromptWriter, fit
from recexplainer.alignment.tasks.interest_classification import EXPLAIN, NAME
from tests import tiny


@pytest.mark.slow
def test_the_logged_model_answers_as_the_explainer_does_without_pickle(base: Path, project: Path) -> None:
    import mlflow

    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    explainer = tiny.explainer(base, "both")
    explainer.save(Path("model"))
    store.write_catalogue(tiny.catalogue().frame, Path("model") / store.CATALOGUE.name)
    with tracking.open_run("align", tiny.settings()):
        model_id = registry.log_model_folder(Path("model"), "explainer-both", "demo")
    served = mlflow.pyfunc.load_model(f"models:/{model_id}")
    asked = pd.DataFrame({"history": [[3, 5, 8, 1, 2, 9], [4]], "item_id": [6, 7]})
    found = served.predict(asked, params={"max_new_tokens": 3})
    assert list(found.columns) == ["verdict", "p_yes", "text"]

    examples = [
        Example(NAME, "", "", vector_row=row, history=history[-4:], items=[item], aspect=EXPLAIN)
        for row, (history, item) in enumerate(zip(asked["history"], asked["item_id"], strict=True))
    ]
    writer = PromptWriter(tiny.catalogue(), 1)
    prompts = [fit(explainer.encoder, writer, example, "both", 999, with_answer=False) for example in examples]
    expected = decoding.p_yes(explainer, prompts, 999, tiny.mf().user_vectors(list(asked["history"])))
    assert np.allclose(found["p_yes"], expected, atol=1e-5) and abs(expected[0] - expected[1]) > 1e-4
    assert found["verdict"].tolist() == ["Yes" if p >= 0.5 else "No" for p in expected]
    assert all(row.text.startswith(row.verdict) for row in found.itertuples())

    for history, item in (([3, 99], 6), ([3], 0), ([], 6)):
        with pytest.raises(Exception, match="item ids are 1 to 12"):
            served.predict(pd.DataFrame({"history": [history], "item_id": [item]}))
    assert not [path for path in Path("mlruns").rglob("*") if path.suffix in (".pkl", ".pickle")]
