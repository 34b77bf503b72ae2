from __future__ import annotations

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings.registry import ROLES
from recexplainer.tracking.registry.roles import about, package_of, registered_name


@pytest.mark.parametrize(
    ("role", "package"),
    [
        ("recommender-sasrec", "recommenders"),
        ("explainer-both", "explaining"),
        ("source-classifier", "discriminators"),
        ("source-classifier-encoder", "discriminators"),
        ("score-predictor-none", "discriminators"),
    ],
)
def test_who_answers_for_a_role(role: str, package: str) -> None:
    assert package_of(role) == package
    assert registered_name("demo", role) == f"recexplainer-demo-{role}"


def test_every_role_says_what_its_model_is_and_what_it_reads_with() -> None:
    for role in ROLES:
        by_encoder = "by a fine-tuned encoder" in about(role)
        by_words = "explanation's words" in about(role)
        assert by_encoder is role.endswith("-encoder")
        assert by_words is (package_of(role) == "discriminators" and not by_encoder)


@pytest.mark.parametrize("role", ["explainer-", "explainer-boht", "source-classifier-x", "judge"])
def test_an_unknown_role_is_named(role: str) -> None:
    with pytest.raises(
        InputError, match=f"'{role}' is not a role; roles are recommender-sasrec, recommender-gru4rec, "
    ):
        registered_name("demo", role)
