from __future__ import annotations

import os
from pathlib import Path

import pytest

from recexplainer import store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_atomic_path_replaces_a_file_on_success_only(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(RuntimeError), store.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and names(tmp_path) == ["a.json"]
    with store.atomic_path(target) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("new")
    assert target.read_text() == "new" and names(tmp_path) == ["a.json"]


def test_atomic_path_replaces_a_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with store.atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "one").write_text("1")
    with store.atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "two").write_text("2")
    assert names(target) == ["two"] and names(target.parent) == ["model"]


@pytest.mark.parametrize("was_folder", [True, False])
@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_an_interrupted_swap_leaves_the_old_or_the_new_folder_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_folder: bool, moment: int
) -> None:
    old = tmp_path / "model" / "one" if was_folder else tmp_path / "model"
    old.parent.mkdir(exist_ok=True)
    old.write_text("1")
    passed, replace = [], os.replace

    def may_interrupt(when: str) -> None:
        passed.append(when)
        if len(passed) == moment:
            raise KeyboardInterrupt

    def interrupted(source: Path, target: Path) -> None:
        may_interrupt("before")
        replace(source, target)
        may_interrupt("after")

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), store.atomic_path(tmp_path / "model") as temporary:
        temporary.mkdir()
        (temporary / "two").write_text("2")
    assert names(tmp_path) == ["model"]
    assert old.read_text() == "1" if moment < 4 else names(tmp_path / "model") == ["two"]


def test_atomic_path_wants_something_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.atomic_path(tmp_path / "a"):
        pass
    assert names(tmp_path) == []
