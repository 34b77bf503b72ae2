from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.stages import faithfulness
from tests.faithfulness.fakes import make_games, make_record

SETTINGS = load_settings(Path(__file__).parents[2] / "params.yaml", ["faithfulness.top_ks=[1, 3]", "run.seed=3"])


class RecordedRun:
    """Stands in for the tracked run."""

    def __init__(self) -> None:
        self.metrics: dict[str, Any] = {}
        self.paths: list[Path] = []

    def log_metrics(self, metrics: dict[str, Any]) -> None:
        self.metrics |= metrics

    def log_artifact(self, path: Path) -> None:
        self.paths.append(path)

    def log_dataset(self, path: Path, name: str, context: str) -> None:
        self.paths.append(path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a catalogue, an untrained SASRec and three explanations."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    recommender = SASRec(n_items=12, dim=8, n_layers=1, n_heads=1, max_length=6, dropout=0.0).freeze()
    recommender.save(store.RECOMMENDER)
    store.write_catalogue(make_games().frame)
    history = [7, 1, 3, 5, 2]  # of which [1, 3, 5] is shown
    store.write_interactions(pd.DataFrame({"user_id": 1, "item_id": history, "position": range(len(history))}))
    records = [
        make_record(explanation_id="a", text='Yes. "Ember Crown" is like it.'),
        make_record(explanation_id="b", text='Yes. "Golden Hog" is like it.'),
        make_record(explanation_id="c", text='No. "Iron Drift - Nova 64" is not.', verdict="No", label="No"),
    ]
    scores = recommender.scores([history[:4]])[0]
    store.write_explanations("both", [replace(r, position=4, score=float(scores[r.item_id])) for r in records])
    return tmp_path


def test_rows_and_table_are_written_and_logged(project: Path) -> None:
    run = RecordedRun()
    faithfulness.run(SETTINGS, run, "both")  # type: ignore[arg-type]
    figures = store.read_json(store.faithfulness_metrics("both"))
    assert (figures["n"], figures["n_citing"], figures["n_compared"], figures["n_other_scores"]) == (
        3,
        2,
        1,
        0,
    )
    assert figures["hallucination_rate"] == pytest.approx(1 / 3)
    assert set(figures["comprehensiveness"]) == set(figures["pn@3"]) == {"shift", "mask"}
    assert figures["no_decisions"]["n_compared"] == 1
    frame = store.read_parquet(store.faithfulness_rows("both"))
    assert frame["explanation_id"].tolist() == ["a", "b", "c"]
    assert [list(items) for items in frame["cited_items"]] == [[1], [], [3]]
    value = frame["p"] - frame["p_without_shift"]
    assert np.allclose(value.dropna(), frame["comprehensiveness_shift_cited"].dropna())
    assert run.metrics == figures
    assert run.paths == [store.explanations("both"), store.faithfulness_metrics("both")]


def test_causes_are_read_where_the_raw_data_holds_them(project: Path) -> None:
    """The user took item 2 next, the sequel; explanation a is about it and names its series by an item of it."""
    records = store.read_explanations("both")
    changed = replace(records[0], text='Yes. It is of the series of "Ember Crown".')
    store.write_explanations("both", [changed, *records[1:]])
    raw = project / "raw"
    raw.mkdir()
    pd.DataFrame({"reviewerID": ["U1"], "asin": ["R2"], "cause": ["franchise"], "driver": ["Ember Crown"]}).to_parquet(
        raw / "causes.parquet"
    )
    store.write_users(pd.DataFrame({"user_id": [1], "raw_id": ["U1"], "split": ["test"]}))
    settings = replace(SETTINGS, dataset=replace(SETTINGS.dataset, raw=str(raw)))
    faithfulness.run(settings, RecordedRun(), "both")  # type: ignore[arg-type]
    series = store.read_json(store.faithfulness_metrics("both"))["causes"]["franchise"]
    assert (series["n"], series["n_chosen"], series["named"]) == (2, 2, 0.5)


def test_the_same_input_gives_the_same_bytes(project: Path) -> None:
    written = []
    for _ in range(2):
        faithfulness.run(SETTINGS, RecordedRun(), "both")  # type: ignore[arg-type]
        written.append(store.faithfulness_metrics("both").read_bytes())
    assert written[0] == written[1]


def test_explanations_of_other_data_are_refused(project: Path) -> None:
    store.write_interactions(pd.DataFrame({"user_id": 1, "item_id": [1, 2, 3, 4, 5], "position": range(5)}))
    with pytest.raises(InputError, match="explanation a: .* run explain again"):
        faithfulness.run(SETTINGS, RecordedRun(), "both")  # type: ignore[arg-type]
    assert not store.faithfulness_metrics("both").exists()


def test_missing_explanations_write_nothing(project: Path) -> None:
    with pytest.raises(InputError, match="explanations_none.jsonl"):
        faithfulness.run(SETTINGS, RecordedRun(), "none")  # type: ignore[arg-type]
    assert not store.faithfulness_metrics("none").exists()
