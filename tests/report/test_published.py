import pytest

from recexplainer.report import published


@pytest.mark.parametrize(
    ("row", "task", "metric", "expected"),
    [
        ("behaviour", "next_item_retrieval", "hr@5", 0.7460),
        ("intention", "history_reconstruction", "hcr", 0.1162),
        ("both", "item_ranking", "paper_ndcg@5", 0.8458),
        ("none", "next_item_retrieval", "ndcg@5", 0.0014),
        ("student", "interest_classification", "accuracy", 0.7768),
        ("popularity", "interest_classification", "accuracy", None),
        ("both", "item_discrimination", "title_accuracy", None),
        ("both", "item_ranking", "ndcg@5", None),
        ("both", "next_item_retrieval", "free/hr@5", 0.8057),
        ("student", "next_item_retrieval", "free/hr@5", None),
        ("unknown", "item_ranking", "paper_ndcg@5", None),
    ],
)
def test_figures_of_the_paper(row, task, metric, expected):
    assert published.alignment(row, task, metric) == expected
