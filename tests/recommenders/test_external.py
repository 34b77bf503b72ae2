from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recexplainer.contents import content_sha256
from recexplainer.errors import InputError
from recexplainer.recommenders.base import load_recommender
from recexplainer.recommenders.external import ExternalMatrices, open_external
from recexplainer.recommenders.external.matrices import compare_users
from recexplainer.recommenders.ranking import leave_one_out

from . import made_elsewhere, worlds
from .made_elsewhere import EXAMPLE, RAW_ITEM_IDS, RAW_USER_IDS, SCORES_ONLY

HISTORIES = [[3, 4, 5, 6], [10], [7, 8, 9]]


@pytest.fixture(scope="module")
def split():
    return leave_one_out(worlds.ring_walks())


def open_at(split, where, **changes):
    return open_external(split, **(made_elsewhere.settings(where) | changes))


def adapter(folder: Path, *changes: tuple[str, str], text: str = SCORES_ONLY) -> dict[str, str]:
    """The setting that names an adapter's file, which is written with some text replaced."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_text(text)
    return {"adapter": "own.py"}


# --- an adapter --------------------------------------------------------------------------------------------


def test_raw_ids_bring_the_adapters_own_order_into_the_catalogues(opened):
    recommender = opened("adapter").recommender
    expected = torch.from_numpy(made_elsewhere.vectors())
    assert recommender.has_vectors and recommender.dim == made_elsewhere.DIM
    torch.testing.assert_close(recommender.item_vectors()[1:], expected)
    torch.testing.assert_close(recommender.user_vectors([[3, 4]])[0], expected[2:4].mean(dim=0))


def test_scores_alone_are_no_vectors_and_say_so(opened):
    training = opened("adapter_of_scores")
    assert not training.recommender.has_vectors and training.recommender.dim == 0
    assert training.recommender.scores([[3]])[0].argmax() == 3
    assert training.report == {"answered_by": "scores.py: ScoresOnly", "dim": 0}
    with pytest.raises(NotImplementedError, match="external has no user vectors"):
        training.recommender.user_vectors([[1]])
    with pytest.raises(NotImplementedError, match="external has no item vectors"):
        training.recommender.item_vectors()


def test_padding_is_left_out_of_what_the_adapter_is_given(split, tmp_path):
    text = (
        "class Own:\n    asked = []\n    @classmethod\n    def load(cls, model, raw_item_ids):\n        return cls()\n"
    )
    text += "    def scores(self, histories):\n        self.asked.append(histories)\n"
    text += "        return [[1.0] * 31] * len(histories)\n"
    recommender, _ = open_at(split, tmp_path, **adapter(tmp_path, text=text))
    asked = recommender._behind[1].asked
    asked.clear()
    recommender.scores([[0, 5, 0, 6], [], [7]])
    assert asked == [[[5, 6], [], [7]]]


@pytest.mark.parametrize("kind", made_elsewhere.KINDS)
def test_what_is_stored_needs_nothing_else_and_stays_as_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    recommender = made_elsewhere.opened(kind, tmp_path / "own").recommender
    before = recommender.scores(HISTORIES)
    (tmp_path / "own" / "__pycache__").mkdir()
    (tmp_path / "own" / "__pycache__" / "left.pyc").write_bytes(b"out")
    recommender.save(tmp_path / "stored")
    shutil.rmtree(tmp_path / "own")
    content = content_sha256(tmp_path / "stored")
    stored = load_recommender(tmp_path / "stored")
    assert torch.equal(stored.scores(HISTORIES), before)
    assert content_sha256(tmp_path / "stored") == content
    assert not list((tmp_path / "stored").rglob("*.pyc"))
    stored.save(tmp_path / "again")
    assert content_sha256(tmp_path / "again") == content


def test_a_model_that_is_one_file_is_given_as_that_file(split, tmp_path):
    (tmp_path / "counts.json").write_text("[1]")
    (tmp_path / "large.bin").write_text("not needed")
    changes = ("return cls(len(raw_item_ids))", "assert model.read_text() == '[1]'; return cls(len(raw_item_ids))")
    recommender, _ = open_at(split, tmp_path, **adapter(tmp_path, changes), model="counts.json")
    recommender.save(tmp_path / "stored")
    assert load_recommender(tmp_path / "stored").scores([[3]])[0].argmax() == 3
    assert not list((tmp_path / "stored").rglob("large.bin"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class ScoresOnly", "class ScoresOnly(", r"own\.py: running it: SyntaxError"),
        ("class ScoresOnly", "import nothing_at_all\nclass ScoresOnly", r"own\.py:2: running it: ModuleNotFoundError"),
        ("class ScoresOnly", "raise SystemExit(0)\nclass ScoresOnly", r"own\.py:2: running it: SystemExit: 0"),
        ("class ScoresOnly:", "def nothing():", r"expected one class with the methods load and scores, found none"),
        ("def scores", "def score", r"expected one class with the methods load and scores, found none"),
        ("@classmethod", "", r"expected one class with the methods load and scores, found none"),
        ("class ScoresOnly:", "class Other:\n    pass\nclass ScoresOnly:", None),
        ("return cls(len(raw_item_ids))", "{}['B7']", r"own\.py:8: ScoresOnly\.load: KeyError: 'B7'"),
        ("return cls(len(raw_item_ids))", "pass", r"ScoresOnly\.load: expected the loaded adapter, got None"),
        ("return rows", "return rows / 0", r"own\.py:13: ScoresOnly\.scores: TypeError: unsupported operand"),
        ("return rows", "return rows[0]", r"ScoresOnly\.scores: expected the shape \(8, 31\), got \(31,\)"),
        ("return rows", "return [row[1:] for row in rows]", r"shape \(8, 31\), got \(8, 30\); .* 30 items"),
        ("return rows", "return rows[1:]", r"expected the shape \(8, 31\), got \(7, 31\)"),
        ("return rows", "return [rows[0], rows[0][1:]]", r"own\.py: ScoresOnly\.scores: ValueError"),
        ("return rows", "return [[float('nan')] * 31] * len(rows)", r"finite numbers; there are others in 240 places"),
        ("return rows", "return [[float('nan'), *row[1:]] for row in rows]", None),  # the padding's column is not read
        ("return rows", "return [[1e300] * 31] * len(rows)", r"expected finite numbers"),
        ("return rows", "import random; return [[random.random() for x in r] for r in rows]", r"when it is asked a"),
        ("return rows", "return [[x * len(rows) for x in r] for r in rows]", r"other scores alone than beside others"),
        ("def scores", "def item_vectors(self):\n        pass\n\n    def scores", r"both user_vectors and item_v"),
    ],
)  # fmt: skip
def test_a_faulty_adapter_is_one_line_with_file_and_method(split, tmp_path, old, new, message):
    settings = adapter(tmp_path, (old, new))
    if message is None:
        open_at(split, tmp_path, **settings)
        return
    with pytest.raises(InputError, match=message) as caught:
        open_at(split, tmp_path, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return self.items\n", "return self.items[1:]\n", r"item_vectors: .* shape \(31, dim\), got \(30, 4\)"),
        ("return self.items\n", "return self.items[:, 0]\n", r"item_vectors: .* shape \(31, dim\), got \(31,\)"),
        ("return self.items\n", "return self.items / 0\n", r"item_vectors: expected finite numbers"),
        ("in histories])\n", "in histories])[:, 1:]\n", r"user_vectors: .* shape \(8, 4\), got \(8, 3\)"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_faulty_vectors_are_found_on_opening(split, tmp_path, old, new, message):
    made_elsewhere.write_example(tmp_path)
    with pytest.raises(InputError, match=message):
        open_at(split, tmp_path, **adapter(tmp_path, (old, new), text=(tmp_path / EXAMPLE).read_text()))


def test_an_error_while_it_is_asked_later_names_the_copy(split, tmp_path):
    fails = ("return rows", "assert [13] not in histories, 'unlucky'\n        return rows")
    recommender, _ = open_at(split, tmp_path / "own", **adapter(tmp_path / "own", fails))
    recommender.save(tmp_path / "stored")
    with pytest.raises(InputError, match=r"^own\.py:13: ScoresOnly\.scores: AssertionError: unlucky$"):
        load_recommender(tmp_path / "stored").scores([[13]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "nowhere"}, r"train_recommender\.external\.folder: nowhere is no folder"),
        ({"adapter": "gone.py"}, r"external\.adapter: .*gone\.py: no such file"),
        ({"adapter": "/etc/own.py"}, r"external\.adapter: /etc/own\.py has to lie in .*\.folder"),
        ({"model": "../elsewhere"}, r"external\.model: \.\./elsewhere has to lie in"),
        ({"model": "gone"}, r"external\.model: .*gone: no such file or folder"),
        ({"adapter": "own.py:ScoreOnly"}, r"has no class 'ScoreOnly'; did you mean 'ScoresOnly'"),
        ({"adapter": None}, r"is no MLflow model and holds no item_vectors\.npy or \.safetensors"),
    ],
)  # fmt: skip
def test_what_the_parameters_name_and_is_not_there_is_one_line(split, tmp_path, changes, message):
    named = adapter(tmp_path)
    with pytest.raises(InputError, match=message):
        open_at(split, tmp_path, **{**named, **changes})


def test_several_fitting_classes_are_told_apart_by_name(split, tmp_path):
    named = adapter(tmp_path, text=SCORES_ONLY + SCORES_ONLY.replace("ScoresOnly", "Second"))
    with pytest.raises(InputError, match=r"found several: ScoresOnly, Second; name one as own\.py:ScoresOnly"):
        open_at(split, tmp_path, **named)
    assert open_at(split, tmp_path, adapter="own.py:Second")[1]["answered_by"] == "own.py: Second"


def test_a_folder_that_holds_the_stored_models_is_refused(split, tmp_path):
    recommender, _ = open_at(split, tmp_path, **adapter(tmp_path))
    with pytest.raises(InputError, match="holds this project's models"):
        recommender.save(tmp_path / "models" / "recommender")


# --- an MLflow model ---------------------------------------------------------------------------------------


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


def test_a_model_of_the_tracking_store_is_fetched(split, project):
    import mlflow

    from recexplainer import tracking

    tracking.connect()
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
            return pd.DataFrame({"scores": [[float(item == last) for item in range(1, 31)] for last in newest]})

    return Newest()


# --- matrices ----------------------------------------------------------------------------------------------


def test_users_are_the_weighted_ridge_solution_over_all_items_that_were_given(split, tmp_path):
    ids = ["elsewhere", *RAW_ITEM_IDS[::-1]]
    table = made_elsewhere.vectors(31)
    made_elsewhere.write_matrices(tmp_path, ids, table)
    recommender, report = open_at(split, tmp_path)
    assert report == {"answered_by": "matrices", "dim": 4, "n_items_missing": 0, "n_items_unused": 1}
    items = table.astype(np.float64)
    taken = items[[ids.index(RAW_ITEM_IDS[item - 1]) for item in (3, 4)]]
    weights = items.T @ items + 0.1 * np.eye(4) + 2.0 * taken.T @ taken
    expected = np.linalg.solve(weights, 3.0 * taken.sum(axis=0))
    np.testing.assert_allclose(recommender.user_vectors([[3, 4]])[0], expected, rtol=1e-5)
    np.testing.assert_allclose(recommender.item_vectors()[1], table[30])


def test_safetensors_are_read_too(split, tmp_path):
    made_elsewhere.write_matrices(tmp_path / "npy")
    shutil.copytree(tmp_path / "npy", tmp_path / "tensors")
    table = torch.from_numpy(np.load(tmp_path / "tensors" / "item_vectors.npy"))
    (tmp_path / "tensors" / "item_vectors.npy").unlink()
    save_file({"anything": table}, tmp_path / "tensors" / "item_vectors.safetensors")
    one, other = (open_at(split, tmp_path / name)[0] for name in ("npy", "tensors"))
    assert torch.equal(one.scores(HISTORIES), other.scores(HISTORIES))


def test_items_without_a_vector_are_counted_score_nothing_and_are_limited(split, tmp_path):
    made_elsewhere.write_matrices(tmp_path, RAW_ITEM_IDS[2:])
    recommender, report = open_at(split, tmp_path, max_missing_items=0.07)
    assert report["n_items_missing"] == 2
    assert torch.equal(recommender.scores(HISTORIES)[:, 1:3], torch.zeros(3, 2))
    with pytest.raises(InputError, match=r"lacks 2 of the 30 items .* \(B01, B02\), more than the 6.0% allowed"):
        open_at(split, tmp_path, max_missing_items=0.06)


def test_folded_users_that_are_the_models_own_agree_and_others_do_not(split, tmp_path):
    made_elsewhere.write_matrices(tmp_path)
    recommender, _ = open_at(split, tmp_path)
    pairs = zip(split.test.histories, split.test.targets, strict=True)
    whole = [np.append(history, target) for history, target in pairs]
    own = recommender.user_vectors(whole).numpy()
    for users, low, high in ((own, 0.999, 1.0), (made_elsewhere.vectors(160, seed=5), 0.0, 0.6)):
        np.save(tmp_path / "user_vectors.npy", users[::-1])
        (tmp_path / "user_ids.txt").write_text("\n".join(RAW_USER_IDS[::-1]))
        agreement = open_at(split, tmp_path)[1]["folded_users"]
        assert list(agreement) == ["whole_history", "without_held_out"]
        assert agreement["whole_history"]["n_users"] == 160
        assert low <= agreement["whole_history"]["overlap@10"] <= high
        assert low - 0.3 * (low == 0) <= agreement["whole_history"]["spearman"] <= high


def test_agreement_worked_by_hand():
    recommender = ExternalMatrices.open(torch.cat([torch.zeros(1, 1), torch.arange(1.0, 13.0)[:, None]]),
                                        torch.arange(1.0, 13.0)[:, None], 1.0, 1.0)  # fmt: skip
    # one dimension: users of one sign order the items alike, of the other sign the other way round; 11 candidates
    assert compare_users(recommender, torch.tensor([[5.0]]), [np.array([12])]) == {
        "n_users": 1, "overlap@10": 1.0, "spearman": 1.0,
    }  # fmt: skip
    assert compare_users(recommender, torch.tensor([[-5.0]]), [np.array([12])]) == {
        "n_users": 1, "overlap@10": 0.9, "spearman": -1.0,
    }  # fmt: skip
    assert compare_users(recommender, torch.tensor([[5.0]]), [np.array([1, 2])]) == {"n_users": 0}


def other_ids(*ids: str):
    return lambda folder: (folder / "item_ids.txt").write_text("\n".join(ids))


def other_table(table: np.ndarray):
    return lambda folder: np.save(folder / "item_vectors.npy", table, allow_pickle=True)


def of_users(table: np.ndarray, name: str):
    def write(folder: Path) -> None:
        np.save(folder / "user_vectors.npy", table)
        (folder / "user_ids.txt").write_text(name)

    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "item_ids.txt").unlink(), r"item_ids\.txt: cannot be read, one raw id a line"),
        (other_ids("B01"), r"each of the 1 lines of item_ids\.txt, got \(30, 4\)"),
        (other_ids("B01", *RAW_ITEM_IDS[:-1]), r"'B01' stands there twice"),
        (lambda folder: (folder / "item_vectors.npy").write_bytes(b"x"), r"cannot be read as numbers"),
        (other_table(np.array([{}] * 30)), r"item_vectors\.npy: cannot be read as numbers: .*allow_pickle"),
        (other_table(np.ones(30)), r"got \(30,\)"),
        (other_table(np.full((30, 2), np.nan)), r"row 0 \(B01\) holds a number that is not finite"),
        (lambda folder: (folder / "item_vectors.safetensors").touch(), r"item_vectors\.npy and item_v.*; keep one"),
        (lambda folder: (folder / "user_vectors.npy").touch(), r"user_ids\.txt: cannot be read"),
        (of_users(np.ones((1, 3)), "U1"), r"users have 3 dimensions, items 4"),
        (of_users(np.ones((1, 4)), "nobody"), r"user_ids\.txt: none of its users is among those of the data"),
    ],
)
def test_faulty_matrices_are_one_line(split, tmp_path, change, message):
    made_elsewhere.write_matrices(tmp_path)
    change(tmp_path)
    with pytest.raises(InputError, match=message):
        open_at(split, tmp_path)
