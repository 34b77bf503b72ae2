from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.recommenders.significance import compare_ranks, compare_with


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rows(ranks: list[int], users: list[int] | None = None, targets: list[int] | None = None) -> pd.DataFrame:
    users = users or list(range(1, len(ranks) + 1))
    return pd.DataFrame({"user_id": users, "target": targets or [5] * len(ranks), "rank": ranks})


def test_users_are_paired_by_id_whatever_their_order():
    first = rows([1, 20, 3], users=[7, 8, 9])
    second = rows([20, 3, 20], users=[8, 9, 7])
    found = compare_ranks(first, second, rng())
    assert found["ndcg@10"]["difference"] == pytest.approx(1 / 3)
    assert found["hr@10"]["difference"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "other",
    [rows([1, 2], users=[1, 3]), rows([1, 2], targets=[5, 6]), rows([1]), rows([1, 2, 3]), rows([1, 1], users=[1, 1])],
)
def test_other_users_or_items_are_refused(other):
    with pytest.raises(InputError, match="different users or items"):
        compare_ranks(rows([1, 2]), other, rng())
    with pytest.raises(InputError, match="different users or items"):
        compare_ranks(other, rows([1, 2]), rng())


def test_one_against_the_others_on_one_part():
    per_user = pd.concat(
        rows(ranks).assign(recommender=name, part=part)
        for name, part, ranks in [
            ("sasrec", "test", [1, 1]),
            ("sasrec", "valid", [50, 50]),
            ("item_knn", "test", [1, 50]),
            ("popularity", "test", [50, 50]),
        ]
    )
    found = compare_with(per_user, "sasrec", ("item_knn", "popularity"), rng())
    assert {name: metrics["hr@10"]["difference"] for name, metrics in found.items()} == {
        "item_knn": 0.5,
        "popularity": 1,
    }
