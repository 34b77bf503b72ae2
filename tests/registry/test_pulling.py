from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import registry, store, tracking
from recexplainer.errors import InputError
from tests.registry.score_predictor import FOLDER, NAME, ROLE, register, write_model


def test_a_moved_alias_is_refused(project: Path) -> None:
    register(1.0)
    register(2.0)
    tracking.connect().set_registered_model_alias(NAME, "candidate", "1")
    with pytest.raises(InputError, match=r"@candidate is version 1 with content \w+, but DVC names content "
                       r"\w+ \(version 2\); run dvc repro"):  # fmt: skip
        registry.pull(ROLE, "demo")
    register()
    assert registry.pull(ROLE, "demo").version == "2"


def test_an_older_pointer_asks_for_the_older_content(project: Path) -> None:
    register(1.0)
    old = store.pointer(ROLE).read_text()
    register(2.0)
    store.pointer(ROLE).write_text(old)
    with pytest.raises(InputError, match=r"DVC names content \w+ \(version 1\)"):
        registry.pull(ROLE, "demo")


def test_damaged_files_are_refused(project: Path) -> None:
    register(1.0)
    stored = registry.pull(ROLE, "demo").folder / "config.json"
    stored.write_text(stored.read_text() + " ")
    with pytest.raises(InputError, match="the files of .* version 1 were changed"):
        registry.pull(ROLE, "demo")


def test_unknown_alias_and_model_and_missing_pointer(project: Path) -> None:
    with pytest.raises(InputError, match="no such pointer; register the model first"):
        registry.pull(ROLE, "demo")
    write_model(1.0)
    registry.write_pointer(FOLDER, ROLE, "demo")
    with pytest.raises(InputError, match="has no alias 'candidate'; no such model is registered here; run dvc repro"):
        registry.pull(ROLE, "demo")
    register()
    with pytest.raises(InputError, match=r"has no alias 'staging'; it has candidate \(version 1\)"):
        registry.pull(ROLE, "demo", "staging")
    with pytest.raises(InputError, match="is of recexplainer-demo-score-predictor-both, not of recexplainer-other"):
        registry.pull(ROLE, "other")


def test_another_alias_must_hold_what_dvc_names(project: Path) -> None:
    register(1.0)
    registry.promote(ROLE, "demo", "candidate", "staging", "first")
    assert registry.pull(ROLE, "demo", "staging").version == "1"
    register(2.0)
    with pytest.raises(InputError, match=r"@staging is version 1 .*\(version 2\); check out the commit .*promote"):
        registry.pull(ROLE, "demo", "staging")
