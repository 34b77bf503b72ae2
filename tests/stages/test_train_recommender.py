from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, load_settings
from recexplainer.recommenders import load_recommender, training
from recexplainer.recommenders.ranking import ranking_metrics
from recexplainer.stages import train_recommender

PARAMS = Path(__file__).parents[2] / "params.yaml"
SMALL = [
    "train_recommender.sasrec.dim=8",
    "train_recommender.sasrec.n_layers=1",
    "train_recommender.sasrec.max_length=6",
    "train_recommender.sasrec.max_epochs=3",
    "train_recommender.gru4rec.dim=8",
    "train_recommender.gru4rec.max_length=6",
    "train_recommender.gru4rec.max_epochs=3",
    "train_recommender.mf.dim=4",
    "train_recommender.mf.iterations=2",
    "train_recommender.item_knn.n_neighbours=[5]",
]
N_ITEMS = 15


class RecordedRun:
    """Stands in for the tracked run."""

    def __init__(self) -> None:
        self.metrics: list[tuple[dict[str, Any], int | None]] = []
        self.artifacts: list[Path] = []
        self.datasets: list[Path] = []
        self.figures: dict[str, Figure] = {}

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        self.metrics.append((metrics, step))

    def log_artifact(self, path: Path) -> None:
        self.artifacts.append(path)

    def log_figure(self, figure: Figure, name: str) -> None:
        self.figures[name] = figure

    def log_dataset(self, path: Path, name: str, context: str) -> None:
        self.datasets.append(path)


def settings_with(*assignments: str) -> Settings:
    return load_settings(PARAMS, [*SMALL, *assignments])


def prepare(lengths: list[int]) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (user, int(item), position)
        for user, length in enumerate(lengths, start=1)
        for position, item in enumerate(rng.permutation(N_ITEMS)[:length] + 1)
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "position"])
    store.PREPARED.mkdir(parents=True)
    store.write_interactions(frame)
    pd.DataFrame({"item_id": np.arange(1, N_ITEMS + 1)}).to_parquet(store.CATALOGUE)


@pytest.fixture(autouse=True)
def in_an_empty_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", ["sasrec", "gru4rec", "mf"])
def test_it_writes_the_recommender_its_ranks_and_the_metrics_of_the_baselines(kind):
    prepare([6] * 20 + [2, 1])
    run = RecordedRun()
    train_recommender.run(settings_with(f"recommender.kind={kind}"), run)

    metrics = json.loads(store.RECOMMENDER_METRICS.read_text())
    assert metrics["kind"] == kind
    assert {key: metrics[key] for key in ("n_users", "n_items", "n_interactions")} == {
        "n_users": 22,
        "n_items": N_ITEMS,
        "n_interactions": 123,
    }
    assert metrics["n_users_evaluated"] == 20 and metrics["n_users_too_short"] == 2
    assert metrics["train_seconds"] >= 0 and 1 <= metrics["best_epoch"] <= metrics["n_epochs"] <= 3

    recommender = load_recommender(store.RECOMMENDER)
    assert recommender.kind == kind and recommender.n_items == N_ITEMS
    ranks = pd.read_parquet(store.RECOMMENDER_PER_USER)
    for name in (kind, "popularity", "item_knn"):
        assert set(metrics[name]) == {"test", "valid"}
        for part in ("test", "valid"):
            rows = ranks[(ranks["recommender"] == name) & (ranks["part"] == part)]
            assert rows["user_id"].tolist() == list(range(1, 21))
            of_ranks = ranking_metrics(rows["rank"].to_numpy())
            beside = {"coverage@10", "gini@10", "arp@10"} if part == "test" else set()
            assert {key: metrics[name][part][key] for key in of_ranks} == of_ranks
            assert set(metrics[name][part]) - set(of_ranks) == beside
    sequences = store.read_interactions()
    assert ranks[ranks["part"] == "test"]["target"].iloc[0] == sequences.sequence(1)[-1]

    for name in ("popularity", "item_knn"):
        for metric in ("ndcg@10", "hr@10"):
            compared = metrics["versus"][name][metric]
            expected = metrics[kind]["test"][metric] - metrics[name]["test"][metric]
            assert compared["difference"] == pytest.approx(expected)
            assert compared["difference_interval"][0] <= expected <= compared["difference_interval"][1]
            assert 0 < compared["p_value"] <= 1
    of_targets = np.concatenate([sequences.sequence(user)[-1:] for user in range(1, 21)])
    counts = np.bincount(
        np.concatenate([sequences.sequence(user)[: -2 if user <= 20 else None] for user in range(1, 23)]),
        minlength=N_ITEMS + 1,
    )
    assert metrics["target_popularity"] == pytest.approx(counts[of_targets].mean())

    assert [step for values, step in run.metrics if "valid_ndcg@10" in values] == list(
        range(1, metrics["n_epochs"] + 1)
    )
    assert run.metrics[-1] == (metrics, None)
    assert run.datasets == [store.INTERACTIONS] and run.artifacts == [store.RECOMMENDER_METRICS]
    assert list(run.figures) == ["figures/learning_curve.png", "figures/metrics_by_cutoff.png"]


@pytest.mark.parametrize("refit", ["false", "true"])
def test_the_baseline_is_measured_with_the_settings_that_the_valid_items_choose(refit):
    """Every user walks through the items in order: only a baseline that looks at the newest item finds the next."""
    rows = [(user, (user + step) % N_ITEMS + 1, step) for user in range(1, 31) for step in range(9)]
    prepare([6])
    store.write_interactions(pd.DataFrame(rows, columns=["user_id", "item_id", "position"]))
    figures = {}
    for name, recency in (("tuned", "[1.0,0.4]"), ("faded", "[0.4]"), ("plain", "[1.0]")):
        changes = [f"train_recommender.item_knn.recency={recency}", f"train_recommender.refit={refit}"]
        train_recommender.run(settings_with("train_recommender.item_knn.normalisation=[0.5]", *changes), RecordedRun())
        figures[name] = json.loads(store.RECOMMENDER_METRICS.read_text())
    assert figures["tuned"]["item_knn_settings"] == {"n_neighbours": 5, "normalisation": 0.5, "recency": 0.4}
    assert figures["tuned"]["item_knn"] == figures["faded"]["item_knn"]
    assert figures["tuned"]["item_knn"]["test"]["ndcg@10"] > figures["plain"]["item_knn"]["test"]["ndcg@10"]


def test_a_second_run_gives_the_same_files():
    prepare([6] * 20)
    written = []
    for _ in range(2):
        torch.rand(3)  # the global generator's state must not matter
        train_recommender.run(settings_with(), RecordedRun())
        written.append({path.name: path.read_bytes() for path in store.RECOMMENDER.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {"config.json", "weights.safetensors", "per_user.parquet"}


def test_a_training_that_fails_leaves_what_was_there():
    prepare([6] * 20)
    store.RECOMMENDER.mkdir(parents=True)
    (store.RECOMMENDER / "config.json").write_text("{}")
    with pytest.raises(InputError, match="lower learning_rate"):
        train_recommender.run(settings_with("train_recommender.sasrec.learning_rate=1e30"), RecordedRun())
    assert [path.name for path in store.RECOMMENDER.iterdir()] == ["config.json"]
    assert not store.RECOMMENDER_METRICS.exists()


@pytest.mark.parametrize("refit", [False, True])
def test_a_run_that_was_stopped_resumes_and_leaves_no_checkpoint(refit, monkeypatch):
    prepare([6] * 20)
    settings, told = settings_with(f"train_recommender.refit={str(refit).lower()}"), []
    train_recommender.run(settings, RecordedRun())
    whole = (store.RECOMMENDER / "weights.safetensors").read_bytes()
    store.remove(store.RECOMMENDER)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train_recommender, "evaluate_users", stopped)
        train_recommender.run(settings, RecordedRun())
    assert len(list(store.RECOMMENDER_CHECKPOINTS.iterdir())) == 1 + refit
    with monkeypatch.context() as patch:
        patch.setattr(training, "_train_epoch", lambda *_: told.append(1))
        train_recommender.run(settings, RecordedRun())
    assert not told and (store.RECOMMENDER / "weights.safetensors").read_bytes() == whole
    assert not store.RECOMMENDER_CHECKPOINTS.exists()


def stopped(*_):
    raise KeyboardInterrupt


def test_users_that_are_all_too_short_are_one_clear_line():
    prepare([2, 2, 1])
    with pytest.raises(InputError, match="no user has three items"):
        train_recommender.run(settings_with(), RecordedRun())
    assert not store.RECOMMENDER.exists()


def test_missing_input_ends_with_code_2(project, capsys):
    assert train_recommender.main([]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("error: ") and "interactions.parquet" in error[-1]


def test_texts_of_the_catalogue_place_the_items_at_the_start():
    prepare([6] * 20)
    frame = pd.DataFrame({"item_id": np.arange(1, N_ITEMS + 1), "brand": "", "title": "Castle"})
    scores = []
    for genres in (["Puzzle & Co", "Racing"], ["Racing"]):
        categories = [[genres[item % len(genres)]] for item in range(N_ITEMS)]
        frame.assign(categories=categories).to_parquet(store.CATALOGUE)
        train_recommender.run(settings_with("train_recommender.sasrec.item_init=near"), RecordedRun())
        scores.append(load_recommender(store.RECOMMENDER).scores([[1, 2]]))
    assert store.read_item_texts() == ["Castle is_Racing"] * N_ITEMS
    assert not torch.equal(*scores)


def test_of_many_users_some_are_evaluated_and_a_refit_learns_from_all(monkeypatch):
    prepare([6] * 20)
    given = []
    monkeypatch.setattr(
        train_recommender, "refit", lambda training, kind, split, *rest: given.append(split) or training
    )
    train_recommender.run(
        settings_with("train_recommender.max_evaluated_users=5", "train_recommender.refit=true"), RecordedRun()
    )
    assert store.read_json(store.RECOMMENDER_METRICS)["n_users_evaluated"] == 5
    ranks = pd.read_parquet(store.RECOMMENDER_PER_USER)
    assert set(ranks.groupby(["recommender", "part"])["user_id"].nunique()) == {5}
    assert len(given) == 3 and all(len(split.with_valid_in_train().train) == 5 * 20 for split in given)
