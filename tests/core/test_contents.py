from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from recexplainer.core.contents import content_sha256, dvc_md5
from recexplainer.core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "a").write_text("1")
    (model / "deep" / "b").write_text("2")
    return model


def test_the_hash_follows_names_and_bytes_alone(folder: Path, tmp_path: Path) -> None:
    before = content_sha256(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    assert content_sha256(moved) == before
    (moved / "a").rename(moved / "c")
    assert content_sha256(moved) != before
    (moved / "c").rename(moved / "a")
    (moved / "a").write_text("2")
    assert content_sha256(moved) != before


def test_bytes_cannot_move_between_files(tmp_path: Path) -> None:
    for name, parts in (("x", ("ab", "c")), ("y", ("a", "bc"))):
        (tmp_path / name).mkdir()
        for file, text in zip("pq", parts, strict=True):
            (tmp_path / name / file).write_text(text)
    assert content_sha256(tmp_path / "x") != content_sha256(tmp_path / "y")


def test_what_is_no_model_folder_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model folder"):
        content_sha256(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="contains no files"):
        content_sha256(tmp_path / "empty")
    (folder / "link").symlink_to(folder / "a")
    with pytest.raises(InputError, match="link is a symbolic link"):
        content_sha256(folder)


def test_dvc_md5_by_hand(folder: Path) -> None:
    one, two = hashlib.md5(b"1").hexdigest(), hashlib.md5(b"2").hexdigest()
    assert dvc_md5(folder / "a") == one
    listing = f'[{{"md5": "{one}", "relpath": "a"}}, {{"md5": "{two}", "relpath": "deep/b"}}]'
    assert dvc_md5(folder) == hashlib.md5(listing.encode()).hexdigest() + ".dir"
