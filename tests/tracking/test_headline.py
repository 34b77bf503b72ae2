from __future__ import annotations

from pathlib import Path

from recexplainer import store
from recexplainer.tracking.headline import headline


def test_each_source_has_what_was_measured_of_it(empty_project: Path) -> None:
    alignment = {
        "next_item_retrieval": {"hr@5": 0.6, "free": {"hr@5": 0.1}},
        "item_ranking": {"paper_ndcg@5": 0.7, "ndcg@5": 0.2},
        "interest_classification": {"accuracy": 0.9},
        "history_reconstruction": {"hcr": 0.3},
    }
    store.write_json(store.alignment_metrics("both"), alignment)
    store.write_json(store.judge_metrics("both"), {"mean": 2.5, "A": 1})
    store.write_json(store.faithfulness_metrics("both"), {"evidence": {"shift": {"evidence_score": 1.1}}})
    store.write_json(store.judge_metrics("template"), {"mean": None})
    store.write_json(store.alignment_metrics("none"), {"interest_classification": {"accuracy": 0.5}})
    store.write_json(store.RECOMMENDER_METRICS, {"sasrec": {"test": {"hr@10": 0.4, "ndcg@10": 0.2, "hr@1": 0.1}}})
    assert headline(["both", "none", "intention"], ["both", "none", "template"], "sasrec") == {
        "both": {
            "hr@5": 0.6, "paper_ndcg@5": 0.7, "accuracy": 0.9, "hcr": 0.3, "judge_level_mean": 2.5,
            "evidence_score": 1.1,
        },
        "none": {"accuracy": 0.5},
        "recommender": {"hr@10": 0.4, "ndcg@10": 0.2},
    }  # fmt: skip


def test_nothing_measured_is_nothing_said(empty_project: Path) -> None:
    store.write_json(store.faithfulness_metrics("both"), {"evidence": None})
    assert headline(["both"], ["both"], "mf") == {}


def test_figures_of_an_earlier_run_of_other_sources_are_left_out(empty_project: Path) -> None:
    store.write_json(store.alignment_metrics("both"), {"interest_classification": {"accuracy": 0.9}})
    store.write_json(store.judge_metrics("both"), {"mean": 2.5})
    assert headline([], ["both"], "mf") == {"both": {"judge_level_mean": 2.5}}
    assert headline(["both"], [], "mf") == {"both": {"accuracy": 0.9}}
