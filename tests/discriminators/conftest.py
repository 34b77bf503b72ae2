"""Invented explanations of cases whose recommender scores are known."""

import numpy as np
import pytest

from tests.records import make_explanation

STYLES = {
    "both": "{verdict}. The recommender sees a taste for {taste} games in this history.",
    "none": "{verdict}. Perhaps, it is hard to say; some people may enjoy such things.",
}
TASTES = ("racing", "puzzle", "horror", "rhythm")


def make_explanations(n_users=60, sources=("both", "none"), seed=0):
    """Texts of `both` name a taste that decides most of the score; texts of `none` only give the verdict."""
    rng = np.random.default_rng(seed)
    cases = []
    for user_id in range(1, n_users + 1):
        for label in ("Yes", "No"):
            taste = int(rng.integers(len(TASTES)))
            score = (4.0 if label == "Yes" else -4.0) + 2.0 * taste + float(rng.normal(0, 0.1))
            cases.append((user_id, 5, 10 + taste if label == "Yes" else 20 + taste, label, TASTES[taste], score))
    return {
        source: [
            make_explanation(
                explanation_id=f"u{user}-p{position}-i{item}",
                source=source,
                user_id=user,
                position=position,
                item_id=item,
                label=label,
                score=score,
                verdict=label,
                text=STYLES[source].format(verdict=label, taste=taste),
            )
            for user, position, item, label, taste, score in cases
        ]
        for source in sources
    }


@pytest.fixture
def explanations():
    return make_explanations()
