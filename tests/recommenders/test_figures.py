from __future__ import annotations

from recexplainer.recommenders.figures import learning_curve, metrics_by_cutoff
from recexplainer.recommenders.ranking import HIT_RATE_CUTOFFS, NDCG_CUTOFFS


def test_a_panel_per_metric_and_the_best_epoch():
    curve = [{"train_loss": 2.0, "valid_ndcg@10": 0.1}, {"train_loss": 1.0, "valid_ndcg@10": 0.3}, {"train_loss": 0.5}]
    loss, ndcg = learning_curve(curve, best_epoch=2).axes
    assert (loss.get_title("left"), ndcg.get_title("left")) == ("loss, train", "NDCG@10, valid")
    line, kept = ndcg.get_lines()
    assert line.get_xydata().tolist() == [[1.0, 0.1], [2.0, 0.3]]
    assert list(kept.get_xdata()) == [2, 2] and "epoch 2" in ndcg.get_xlabel()
    assert len(loss.get_lines()[0].get_xydata()) == 3


def test_every_recommender_by_cutoff():
    def metrics(level: float) -> dict[str, float]:
        hr = {f"hr@{cutoff}": level + cutoff / 100 for cutoff in reversed(HIT_RATE_CUTOFFS)}
        return {**hr, **{f"ndcg@{cutoff}": level for cutoff in NDCG_CUTOFFS}, "mrr@10": level, "coverage@10": level}

    hr, ndcg = metrics_by_cutoff({"sasrec": metrics(0.3), "popularity": metrics(0.1), "item_knn": metrics(0.2)}).axes
    assert [line.get_label() for line in hr.get_lines()] == ["sasrec", "popularity", "item_knn"]
    assert hr.get_lines()[0].get_xydata().tolist() == [[cutoff, 0.3 + cutoff / 100] for cutoff in HIT_RATE_CUTOFFS]
    assert ndcg.get_lines()[2].get_ydata().tolist() == [0.2] * len(NDCG_CUTOFFS)
    assert hr.get_ylim()[0] == 0 and len({line.get_color() for line in hr.get_lines()}) == 3
