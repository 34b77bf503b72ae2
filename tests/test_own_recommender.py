"""The guide docs/how-to/own-recommender.md, followed to its end: the recommender is opened, aligned to and served."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from recexplainer import store
from recexplainer.core.contents import content_sha256
from recexplainer.core.settings import read_params
from recexplainer.llm.explainer import load_explainer
from recexplainer.recommenders import load_recommender
from recexplainer.recommenders.external import matrices
from recexplainer.stages import align, build_alignment, register_recommender, train_recommender
from recexplainer.tracking import registry, runs
from tests import tiny
from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs" / "how-to" / "own-recommender.md"
EXAMPLE = REPOSITORY / "docs" / "examples" / "own_recommender.py"
SHORT = ("align.epochs={behaviour: 0.05, intention: 0.05, both: 0.05}", "align.save_steps=1")
OWN = Path("own")


@pytest.fixture
def with_data(project: Path) -> Path:
    tiny.write_prepared()
    store.remove(store.RECOMMENDER)
    OWN.mkdir()
    return project


def options(*assignments: str) -> list[str]:
    chosen = (*tiny.SMALL, *SHORT, "recommender.kind=external", f"train_recommender.external.folder={OWN}")
    return [part for assignment in (*chosen, *assignments) for part in ("-S", assignment)]


def code_of_the_page() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def write_adapter_of_the_page() -> list[str]:
    """The class that the page shows, and the counts that it loads."""
    (OWN / "taken_next.py").write_text(code_of_the_page()[0])
    sequences = [tiny.interactions().sequence(user).tolist() for user in range(1, 11)]
    pairs = [(f"B{a}", f"B{b}", 1) for items in sequences for a, b in zip(items, items[1:], strict=False)]
    (OWN / "counts.json").write_text(json.dumps([*pairs, ("of another", "catalogue", 5)]))
    return ["-S", "train_recommender.external.adapter=taken_next.py"]


def write_example() -> list[str]:
    """The example with vectors, of a catalogue that is one item larger."""
    shutil.copy(EXAMPLE, OWN)
    np.save(OWN / "vectors.npy", np.random.default_rng(0).normal(size=(tiny.N_ITEMS + 1, 6)))
    (OWN / "items.txt").write_text("\n".join(["another", *(f"B{item}" for item in range(tiny.N_ITEMS, 0, -1))]))
    return ["-S", f"train_recommender.external.adapter={EXAMPLE.name}"]


def last_error(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.slow
def test_scores_alone_are_aligned_to_in_behaviour(
    base: Path, with_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write_adapter_of_the_page()
    assert train_recommender.main([*options(), *own]) == 0
    metrics = json.loads(store.RECOMMENDER_METRICS.read_text())
    assert metrics["kind"] == "external" and metrics["n_epochs"] == metrics["best_epoch"] == 0
    assert metrics["external_model"] == {"answered_by": "taken_next.py: TakenNext", "dim": 0}
    assert all("ndcg@10" in metrics[name][part] for name in ("external", "item_knn") for part in ("test", "valid"))
    shutil.rmtree(OWN)  # later stages read the copies

    assert build_alignment.main(options()) == 0
    data = store.read_alignment()
    examples, vectors = data.examples, data.user_vectors
    assert vectors.shape == (0, 0) and {example.vector_row for example in examples} == {-1}
    store.write_drafts([])
    assert align.main(["--mode", "both", *options(f"llm.base={base}")]) == 2
    assert "mode both needs vectors, but the recommender external only gives scores: use behaviour" in last_error(
        capsys
    )
    assert not store.explainer_folder("both").exists()

    assert align.main(["--mode", "behaviour", *options(f"llm.base={base}")]) == 0
    explainer = load_explainer(store.explainer_folder("behaviour"))
    assert explainer.mode == "behaviour" and explainer.recommender is not None
    expected = load_recommender(store.RECOMMENDER).scores([[3, 5]])
    assert torch.equal(explainer.recommender.scores([[3, 5]]), expected)


@pytest.mark.slow
def test_vectors_are_aligned_to_in_both_and_the_recommender_is_served(base: Path, with_data: Path) -> None:
    import mlflow

    assert train_recommender.main([*options(), *write_example()]) == 0
    content = content_sha256(store.RECOMMENDER)
    assert build_alignment.main(options()) == 0
    store.write_drafts([])
    assert align.main(["--mode", "both", *options(f"llm.base={base}")]) == 0
    explainer = load_explainer(store.explainer_folder("both"))
    assert explainer.item_vectors is not None and explainer.item_vectors.shape == (tiny.N_ITEMS + 1, 6)

    assert register_recommender.main(options()) == 0
    pulled = registry.pull("recommender-external", "demo")
    shutil.rmtree(OWN)
    model = mlflow.pyfunc.load_model(f"models:/{pulled.name}/{pulled.version}")
    answer = model.predict(pd.DataFrame({"history": [[1, 2, 3]]}), params={"k": 2})
    best = load_recommender(store.RECOMMENDER).scores([[1, 2, 3]], exclude_seen=True).topk(2)
    assert answer["item_ids"][0] == best.indices[0].tolist()
    assert content_sha256(store.RECOMMENDER) == content


def test_the_pages_mlflow_model_has_vectors_needs_no_folder_and_is_named(with_data: Path) -> None:
    _, model, logging = code_of_the_page()
    Path("two_tower.py").write_text(model)
    Path("vectors").mkdir()
    np.save("vectors/item_vectors.npy", np.random.default_rng(0).normal(size=(tiny.N_ITEMS, 5)))
    Path("vectors/item_ids.txt").write_text("\n".join(f"B{item}" for item in range(1, tiny.N_ITEMS + 1)))
    runs.connect()
    exec(logging, {})
    named = ("train_recommender.external.model=models:/two-tower/1", "train_recommender.external.folder=nowhere")
    assert train_recommender.main(options(*named)) == 0
    metrics = json.loads(store.RECOMMENDER_METRICS.read_text())
    assert metrics["external_model"] == {"answered_by": "MLflow model models:/two-tower/1", "dim": 5}
    recommender = load_recommender(store.RECOMMENDER)
    assert recommender.has_vectors and recommender.item_vectors().shape == (tiny.N_ITEMS + 1, 5)


def test_folded_users_are_compared_with_the_given_ones_and_low_agreement_is_a_warning(
    with_data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrices, "CUTOFF", 2)  # of the tiny catalogue
    rng = np.random.default_rng(0)
    np.save(OWN / "item_vectors.npy", rng.normal(size=(tiny.N_ITEMS, 2)))
    (OWN / "item_ids.txt").write_text("\n".join(f"B{item}" for item in range(1, tiny.N_ITEMS + 1)))
    np.save(OWN / "user_vectors.npy", rng.normal(size=(10, 2)))
    (OWN / "user_ids.txt").write_text("\n".join(f"U{user}" for user in range(1, 11)))
    assert train_recommender.main(options()) == 0
    report = json.loads(store.RECOMMENDER_METRICS.read_text())["external_model"]
    assert list(report["folded_users"]) == ["whole_history", "without_held_out"]
    said = capsys.readouterr().err
    assert f"external_model: {json.dumps(report)}" in said
    assert "\nwarning: users folded in from their histories share 0." in said
    assert load_recommender(store.RECOMMENDER).kind == "external_matrices"
    assert {path.name for path in store.RECOMMENDER.iterdir()} == {
        "config.json",
        "weights.safetensors",
        "per_user.parquet",
    }


def test_what_reads_files_outside_of_its_folder_is_refused_and_nothing_is_half_written(
    with_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write_adapter_of_the_page()
    code = (OWN / "taken_next.py").read_text()
    (OWN / "taken_next.py").write_text(code.replace("(model /", "(__import__('pathlib').Path(__file__).parent /"))
    store.RECOMMENDER.mkdir(parents=True)
    (store.RECOMMENDER / "config.json").write_text("{}")
    assert train_recommender.main([*options(), *own]) == 2
    error = last_error(capsys)
    assert re.match(r"error: taken_next\.py:\d+: TakenNext\.load: FileNotFoundError: .*counts\.json", error)
    assert error.endswith("(from the stored copy, which contains only what was copied)")
    assert [path.name for path in store.RECOMMENDER.iterdir()] == ["config.json"]
    assert not list(Path("models").glob(".tmp-*")) and not store.RECOMMENDER_METRICS.exists()


def test_dvc_watches_the_folder() -> None:
    stage = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]["train_recommender"]
    assert "${train_recommender.external.folder}" in stage["deps"]
    default = read_params(REPOSITORY / "params.yaml")["train_recommender"]["external"]["folder"]
    assert (REPOSITORY / default).is_dir()  # or DVC would stop every other kind, too
