"""The README's promise: a fresh checkout runs the whole demo, and its figures are what the project claims."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo_run import DemoRun, environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def checkout(demo_run: DemoRun) -> Path:
    """A fresh git checkout of the working tree in which the pipeline ran once."""
    return demo_run.finished()


def test_a_second_repro_changes_nothing(checkout: Path) -> None:
    before = subprocess.run(["git", "status", "--short"], cwd=checkout, check=True, capture_output=True).stdout
    result = _run(checkout, "-m", "dvc", "repro")
    assert "Running stage 'align" not in result
    assert "Running stage 'train_recommender" not in result
    after = subprocess.run(["git", "status", "--short"], cwd=checkout, check=True, capture_output=True).stdout
    assert after == before


def test_the_recommender_beats_popularity_beside_a_tuned_baseline(checkout: Path) -> None:
    """In this small world the neighbourhood, tuned on the valid items, ranks better than SASRec: README says so."""
    metrics = _metrics(checkout, "recommender")
    ndcg = {name: metrics[name]["test"]["ndcg@10"] for name in ("sasrec", "item_knn", "popularity")}
    assert min(ndcg["sasrec"], ndcg["item_knn"]) > 3 * ndcg["popularity"]
    assert metrics["item_knn_settings"]["recency"] < 1  # the newest item tells most of the next


def test_chance_stays_at_chance(checkout: Path) -> None:
    chance = _metrics(checkout, "alignment_baselines")["random"]
    assert chance["next_item_retrieval"]["hr@5"] < 0.06
    assert abs(chance["item_ranking"]["paper_ndcg@5"] - 0.613) < 0.06
    none = _metrics(checkout, "alignment_none")
    assert abs(none["item_ranking"]["paper_ndcg@5"] - 0.613) < 0.06
    assert none["interest_classification"]["accuracy"] < 0.65  # it has seen how users of other worlds choose


def test_alignment_teaches_what_the_readme_says(checkout: Path) -> None:
    """Somewhat below the README's figures: another machine's arithmetic gives other weights."""
    behaviour, intention, both = (
        _metrics(checkout, f"alignment_{mode}") for mode in ("behaviour", "intention", "both")
    )
    for aligned in (intention, both):
        assert aligned["item_discrimination"]["title_accuracy"] >= 0.9
        assert aligned["next_item_retrieval"]["hr@5"] >= 0.5
        assert aligned["interest_classification"]["accuracy"] >= 0.85
        assert aligned["item_ranking"]["paper_ndcg@5"] >= 0.68
        assert aligned["history_reconstruction"]["hcr"] >= 0.11
        for kind in ("behaviour", "none"):
            other = _metrics(checkout, f"alignment_{kind}")
            assert aligned["interest_classification"]["accuracy"] > other["interest_classification"]["accuracy"]
            assert aligned["next_item_retrieval"]["hr@5"] > other["next_item_retrieval"]["hr@5"]
    assert behaviour["interest_classification"]["accuracy"] >= 0.65
    assert both["next_item_retrieval"]["free"]["hr@5"] > behaviour["next_item_retrieval"]["free"]["hr@5"]


def test_the_aligned_explain_better_than_the_unaligned(checkout: Path) -> None:
    judged = {source: _metrics(checkout, f"judge_{source}")["mean"] for source in ("behaviour", "both", "none")}
    assert judged["both"] > judged["none"] and judged["behaviour"] > judged["none"]


def test_every_source_is_explained_judged_and_reported(checkout: Path) -> None:
    for source in ("behaviour", "intention", "both", "none"):
        judged = _metrics(checkout, f"judge_{source}")
        assert sum(judged[level] for level in ("A", "B", "C", "D", "unparseable", "failed")) == judged["n"] > 0
        assert _metrics(checkout, f"faithfulness_{source}")["n"] > 0
    page = (checkout / "report" / "index.html").read_text(encoding="utf-8")
    assert "recexplainer" in page.lower()
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert (checkout / "metrics" / "discriminators.json").exists()
    assert _metrics(checkout, "faithfulness_both")["causes"]["platform"]["n"] > 0
    assert "intention-both" in _metrics(checkout, "faithfulness_pairs")
    assert (checkout / "report" / "figures" / "faithfulness-both-deletion.svg").exists()


def _metrics(folder: Path, name: str) -> dict:
    return json.loads((folder / "metrics" / f"{name}.json").read_text())


def _run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout + result.stderr
