from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.grade import Grade
from recexplainer.judging.rubric_agreement import compare_with_rubric
from tests.judging.test_agree import explanations


def test_the_rubric_and_its_agreement_with_the_model(games: Catalogue) -> None:
    records = explanations("both", "DCBADC")
    said = [Grade(level) for level in ("D", "D", "B", "A", "failed", "unparseable")]
    found = compare_with_rubric(said, records, games, np.random.default_rng(1))
    assert [found[level] for level in "ABCD"] == [1, 1, 2, 2] and found["judge"] == "rubric"
    agreed = found["agreement"]
    assert (agreed["n"], agreed["same"]) == (4, 0.75)
    kappa = cohen_kappa_score([3, 3, 1, 0], [3, 2, 1, 0], weights="quadratic", labels=range(4))
    assert agreed["kappa_quadratic"] == pytest.approx(kappa)
    low, high = agreed["spearman_interval"]
    assert low <= agreed["spearman"] <= high


def test_a_model_that_gave_no_level_cannot_be_compared(games: Catalogue) -> None:
    found = compare_with_rubric([Grade("failed")] * 2, explanations("both", "DB"), games, np.random.default_rng(1))
    assert (found["n"], found["agreement"]["n"], found["agreement"]["kappa"]) == (2, 0, None)
