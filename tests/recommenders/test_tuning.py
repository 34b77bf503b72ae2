from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from recexplainer.core.settings import load_settings
from recexplainer.data.interactions import Interactions
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw
from recexplainer.recommenders import tuning
from recexplainer.recommenders.baselines import ItemKNN
from recexplainer.recommenders.ranking import LeaveOneOut, RankingCases, leave_one_out, ndcg, rank_cases
from recexplainer.recommenders.tuning import tune_item_knn
from tests.conftest import REPOSITORY
from tests.data.test_real_data import ROOT

from .worlds import random_draws, ring_walks

CHOICES = {"n_neighbours": [5, 29], "normalisation": [0.5], "recency": [1.0, 0.5]}


def test_where_the_newest_item_decides_the_baseline_looks_at_the_newest() -> None:
    """On a ring the next item stands beside the last one: without recency both ends of the walk count alike."""
    split = leave_one_out(ring_walks())
    chosen = tune_item_knn(split, CHOICES)
    assert chosen["recency"] == 0.5 and set(chosen) == set(CHOICES)
    plain = {"n_neighbours": 5, "normalisation": 0.5, "recency": 1.0}
    on_test = [ndcg(rank_cases(ItemKNN.fit(split.train, **s), split.test), 10) for s in (chosen, plain)]
    assert on_test[0] > on_test[1] + 0.1


def test_the_test_items_choose_nothing() -> None:
    split = leave_one_out(ring_walks())
    rng = np.random.default_rng(0)
    others = RankingCases(split.test.user_ids, split.valid.histories, rng.permutation(split.test.targets))
    changed = LeaveOneOut(split.train, split.valid, others, split.n_users_too_short)
    assert tune_item_knn(changed, CHOICES) == tune_item_knn(split, CHOICES)
    swapped = LeaveOneOut(split.train, others, split.valid, split.n_users_too_short)
    scores = [
        ndcg(rank_cases(ItemKNN.fit(split.train, n_neighbours=29, normalisation=0.5, recency=recency), others), 10)
        for recency in (0.5, 1.0)
    ]
    assert tune_item_knn(swapped, CHOICES | {"n_neighbours": [29]})["recency"] == (
        0.5 if scores[0] > scores[1] else 1.0
    )


def test_a_single_choice_and_no_valid_items_are_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "rank_cases", None)
    split = leave_one_out(random_draws())
    one = {name: values[:1] for name, values in CHOICES.items()}
    first = {"n_neighbours": 5, "normalisation": 0.5, "recency": 1.0}
    assert tune_item_knn(split, one) == tune_item_knn(split.with_valid_in_train(), CHOICES) == first


def test_the_choice_is_the_best_of_all_and_of_equal_ones_the_first() -> None:
    split = leave_one_out(ring_walks())
    choices = {"n_neighbours": [3, 5, 29], "normalisation": [0.5, 0.25], "recency": [0.5, 0.4, 1.0]}
    combinations = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    scores = [ndcg(rank_cases(ItemKNN.fit(split.train, **chosen), split.valid), 10) for chosen in combinations]
    assert tune_item_knn(split, choices) == combinations[int(np.argmax(scores))]


def test_many_users_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    monkeypatch.setattr(tuning, "MAX_USERS", 3)
    monkeypatch.setattr(
        tuning, "rank_cases", lambda recommender, cases: seen.append(cases.user_ids.tolist()) or np.ones(len(cases))
    )
    tune_item_knn(leave_one_out(ring_walks(n_users=5)), CHOICES)
    assert seen == [[1, 3, 5]] * 4


@pytest.mark.real_data
def test_on_a_public_set_the_tuned_baseline_beats_the_plain_cosine() -> None:
    folder = ROOT / "ml_latest_small"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    changes = {"raw": folder, "format": "movielens", "dialogues_file": "null"}
    settings = load_settings(REPOSITORY / "params.yaml", [f"dataset.{name}={value}" for name, value in changes.items()])
    prepared = prepare_data(open_raw(settings.dataset), settings.prepare, seed=7)
    split = leave_one_out(Interactions.from_frame(prepared.interactions, len(prepared.catalogue)))
    baseline = settings.train_recommender.item_knn
    chosen = tune_item_knn(split, vars(baseline))
    plain = {"n_neighbours": 20, "normalisation": 0.5, "recency": 1.0}
    tuned, cosine = (ndcg(rank_cases(ItemKNN.fit(split.train, **s), split.test), 10) for s in (chosen, plain))
    assert tuned > 1.4 * cosine
