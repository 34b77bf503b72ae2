from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.core.errors import InputError
from recexplainer.tracking import registry, runs
from tests.tracking.registry.score_predictor import NAME, ROLE, register

pytestmark = pytest.mark.slow


def test_a_promotion_is_recorded(project: Path) -> None:
    register(1.0)
    done = registry.promote(ROLE, "demo", "candidate", "staging", "it is good", {"m:x@5": 0.5})
    assert "staging is now version 1 (from candidate; before: nothing)" in done
    tags = runs.connect().get_model_version_by_alias(NAME, "staging").tags
    assert tags["promoted.staging.from"] == "candidate" and tags["promoted.staging.why"] == "it is good"
    assert tags["promoted.staging.by"] and tags["promoted.staging.at"].endswith("+00:00")
    assert tags["promoted.staging.gate.m:x_at_5"] == "0.5"
    register(2.0)
    assert "before: version 1" in registry.promote(ROLE, "demo", "candidate", "staging")


@pytest.mark.parametrize("alias", ["latest", "v1", "candidate", "a b", ""])
def test_some_words_are_no_alias_to_promote_to(project: Path, alias: str) -> None:
    register(1.0)
    with pytest.raises(InputError, match="^registry: "):
        registry.promote(ROLE, "demo", "candidate", alias)


def test_only_what_was_measured_here_is_promoted(project: Path) -> None:
    register(1.0)
    registry.promote(ROLE, "demo", "candidate", "staging")
    register(2.0)
    with pytest.raises(InputError, match="@staging is version 1 with content .*, but DVC names content"):
        registry.promote(ROLE, "demo", "staging", "production")
