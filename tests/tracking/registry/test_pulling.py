from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.tracking import registry, runs
from recexplainer.tracking.registry import models, shipping
from recexplainer.tracking.registry.integrity import CODE_TAG
from tests.tracking.registry.score_predictor import FOLDER, NAME, ROLE, register, write_model

pytestmark = pytest.mark.slow


def test_a_moved_alias_is_refused(project: Path) -> None:
    register(1.0)
    register(2.0)
    runs.connect().set_registered_model_alias(NAME, "candidate", "1")
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


def spoil_weights(model: Path) -> str:
    [file] = model.glob("artifacts/*/config.json")
    file.write_text(file.read_text() + " ")
    return "score-predictor-both/config.json"


def spoil_served_file(model: Path) -> str:
    (model / "served.py").write_text((model / "served.py").read_text() + "\n")
    return "served.py"


def spoil_code(model: Path) -> str:
    file = model / "code/recexplainer/core/errors.py"
    file.write_text(file.read_text() + "\n")
    return "code/recexplainer/core/errors.py"


def add_code(model: Path) -> str:
    (model / "code/numpy.py").write_text("")
    return "code/numpy.py"


def remove_code(model: Path) -> str:
    (model / "code/recexplainer/store/texts.py").unlink()
    return "code/recexplainer/store/texts.py"


def run_other_code(model: Path) -> str:
    (model / "MLmodel").write_text((model / "MLmodel").read_text().replace("served.py", "code/recexplainer/x.py"))
    return "MLmodel"


def spoil_manifest_and_weights(model: Path) -> str:
    spoil_weights(model)
    (model / "artifacts/manifest.json").write_text("{")
    return "manifest.json"


SPOILT = (
    spoil_weights,
    spoil_served_file,
    spoil_code,
    add_code,
    remove_code,
    run_other_code,
    spoil_manifest_and_weights,
)


@pytest.mark.parametrize("spoil", SPOILT)
def test_changed_files_are_refused_and_named_and_another_version_heals(
    project: Path, spoil: Callable[[Path], str]
) -> None:
    register(1.0)
    name = spoil(registry.pull(ROLE, "demo").folder.parents[1])
    wanted = f"the files of {NAME} version 1 were changed after it was registered ({name}); delete that version and run"
    with pytest.raises(InputError, match=re.escape(wanted)):
        registry.pull(ROLE, "demo")
    runs.connect().delete_model_version(NAME, "1")
    register()
    registry.pull(ROLE, "demo")


def test_lost_files_are_one_clear_line_and_another_version_heals(project: Path) -> None:
    register(1.0)
    shutil.rmtree(registry.pull(ROLE, "demo").folder.parents[1])
    with pytest.raises(
        InputError, match=f"models:/{NAME}/1: cannot be fetched from the tracking store: .* holds its files"
    ):
        registry.pull(ROLE, "demo")
    runs.connect().delete_model_version(NAME, "1")
    register()
    registry.pull(ROLE, "demo")


def test_many_changed_files_are_counted(project: Path) -> None:
    register(1.0)
    model = registry.pull(ROLE, "demo").folder.parents[1]
    for number in range(5):
        (model / "code" / f"{number}.py").write_text("")
    with pytest.raises(InputError, match=r"\(code/0.py, code/1.py, code/2.py and 2 more\)"):
        registry.pull(ROLE, "demo")


def test_new_code_makes_no_model_stale(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version keeps the code that it was logged with: the pointer, on which evaluations depend, stays as it is."""
    register(1.0)
    before = store.pointer(ROLE).read_bytes()
    copied = shipping.copy_code
    monkeypatch.setattr(models, "copy_code", lambda module, folder: (copied(module, folder), add_code(folder.parent)))
    assert register() == "1" and store.pointer(ROLE).read_bytes() == before
    registry.pull(ROLE, "demo")


def test_a_version_without_a_hash_of_its_code_is_refused(project: Path) -> None:
    register(1.0)
    runs.connect().delete_model_version_tag(NAME, "1", CODE_TAG)
    with pytest.raises(InputError, match="was registered without a hash of its code; delete that version and run dvc"):
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
    with pytest.raises(
        InputError, match="belongs to recexplainer-demo-score-predictor-both, not to recexplainer-other"
    ):
        registry.pull(ROLE, "other")


def test_another_alias_must_hold_what_dvc_names(project: Path) -> None:
    register(1.0)
    registry.promote(ROLE, "demo", "candidate", "staging", "first")
    assert registry.pull(ROLE, "demo", "staging").version == "1"
    register(2.0)
    with pytest.raises(InputError, match=r"@staging is version 1 .*\(version 2\); check out the commit .*promote"):
        registry.pull(ROLE, "demo", "staging")


def test_any_version_can_be_pulled_to_compare_with(project: Path) -> None:
    register(1.0)
    register(2.0)
    runs.connect().set_registered_model_alias(NAME, "production", "1")
    by_alias, by_number = (registry.pull_version(f"models:/{NAME}{end}") for end in ("@production", "/1"))
    assert by_alias == by_number and by_alias.version == "1"
    assert registry.pull_version(f"models:/{NAME}/2").content_sha256 != by_alias.content_sha256
    spoil_weights(by_alias.folder.parents[1])
    with pytest.raises(InputError, match="were changed after it was registered"):
        registry.pull_version(f"models:/{NAME}@production")
