from __future__ import annotations

import numpy as np
import torch

from recexplainer.recommenders.external import ExternalMatrices
from recexplainer.recommenders.external.matrices import compare_users
from tests.recommenders import made_elsewhere
from tests.recommenders.made_elsewhere import N_USERS, RAW_ITEM_IDS, RAW_USER_IDS, open_at


def test_users_are_the_weighted_ridge_solution_over_all_items_that_were_given(split, tmp_path):
    ids = ["elsewhere", *RAW_ITEM_IDS[::-1]]
    table = made_elsewhere.vectors(31)
    made_elsewhere.write_matrices(tmp_path, ids, table)
    recommender, report = open_at(split, tmp_path)
    answered_by = f"matrices item_vectors.npy of {tmp_path.name}"
    assert report == {"answered_by": answered_by, "dim": 4, "n_items_missing": 0, "n_items_unused": 1}
    items = table.astype(np.float64)
    taken = items[[ids.index(RAW_ITEM_IDS[item - 1]) for item in (3, 4)]]
    weights = items.T @ items + 0.1 * np.eye(4) + 2.0 * taken.T @ taken
    expected = np.linalg.solve(weights, 3.0 * taken.sum(axis=0))
    np.testing.assert_allclose(recommender.user_vectors([[3, 4]])[0], expected, rtol=1e-5)
    np.testing.assert_allclose(recommender.item_vectors()[1], table[30])


def test_folded_users_that_are_the_models_own_agree_and_others_do_not(split, tmp_path):
    made_elsewhere.write_matrices(tmp_path)
    recommender, _ = open_at(split, tmp_path)
    pairs = zip(split.test.histories, split.test.targets, strict=True)
    whole = [np.append(history, target) for history, target in pairs]
    own = recommender.user_vectors(whole).numpy()
    for users, low, high in ((own, 0.999, 1.0), (made_elsewhere.vectors(N_USERS, seed=5), 0.0, 0.6)):
        np.save(tmp_path / "user_vectors.npy", users[::-1])
        (tmp_path / "user_ids.txt").write_text("\n".join(RAW_USER_IDS[::-1]))
        report = open_at(split, tmp_path)[1]
        agreement = report["folded_users"]
        assert ("so they do not stand for your model; write an adapter" in report.get("warning", "")) is (high < 1)
        assert list(agreement) == ["whole_history", "without_held_out"]
        assert agreement["whole_history"]["n_users"] == N_USERS
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
