from __future__ import annotations

import os

import pytest

from recexplainer.core.errors import InputError
from recexplainer.recommenders.base import load_recommender
from tests.recommenders import made_elsewhere
from tests.recommenders.made_elsewhere import N_ITEMS, open_at


def test_a_pickled_model_is_loaded_because_it_is_named(split, tmp_path):
    import mlflow

    folder = tmp_path / "pickled"
    mlflow.pyfunc.save_model(str(folder), python_model=_far_from_home(), pip_requirements=[])
    assert list(folder.glob("*.pkl"))
    recommender, report = open_at(split, folder)
    assert report == {"answered_by": "MLflow model pickled", "dim": 0}
    assert recommender.scores([[3, 9]])[0].argmax() == 9
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"  # for nothing else


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{"scores": scores,', '{"score": scores,', r"the column 'scores', got the columns score, user_vector"),
        ('{"scores": scores,', '{"scores": [s[1:] for s in scores],', r"expected 30 numbers .* shape \(8, 29\)"),
        ("scores = [", "users / 0; scores = [", r"^MLflow model own: scores: TypeError"),
        ("import mlflow\n", "import mlflow\nimport nothing_at_all\n", r"MLflow model own: loading it"),
    ],
)  # fmt: skip
def test_a_faulty_mlflow_model_is_one_line(split, tmp_path, monkeypatch, old, new, message):
    made_elsewhere.write_python_model(tmp_path / "own")
    code = next((tmp_path / "own").glob("*.py"))
    assert old in code.read_text()
    code.write_text(code.read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        open_at(split, tmp_path / "own")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_model_of_the_tracking_store_is_fetched(split, project):
    import mlflow

    from recexplainer.tracking import runs

    runs.connect()
    info = mlflow.pyfunc.log_model(name="far", python_model=_far_from_home(), pip_requirements=[])
    mlflow.register_model(info.model_uri, "far")
    (project / "nothing").mkdir()
    recommender, _ = open_at(split, project / "nothing", model="models:/far/1")
    recommender.save(project / "stored")
    assert load_recommender(project / "stored").scores([[3, 9]])[0].argmax() == 9
    with pytest.raises(InputError, match="^models:/far/2: cannot be fetched from the tracking store: .*far"):
        open_at(split, project / "nothing", model="models:/far/2")


def _far_from_home():
    """A model that lives in a pickle: it scores the newest item highest."""
    import mlflow
    import pandas as pd

    class Newest(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            newest = [history[-1] if len(history) else 0 for history in model_input["history"]]
            return pd.DataFrame(
                {"scores": [[float(item == last) for item in range(1, N_ITEMS + 1)] for last in newest]}
            )

    return Newest()
