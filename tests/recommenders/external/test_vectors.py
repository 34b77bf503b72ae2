from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recexplainer.core.errors import InputError
from tests.recommenders import made_elsewhere
from tests.recommenders.made_elsewhere import HISTORIES, RAW_ITEM_IDS, open_at


def test_safetensors_are_read_too(split, tmp_path):
    made_elsewhere.write_matrices(tmp_path / "npy")
    shutil.copytree(tmp_path / "npy", tmp_path / "tensors")
    table = torch.from_numpy(np.load(tmp_path / "tensors" / "item_vectors.npy"))
    (tmp_path / "tensors" / "item_vectors.npy").unlink()
    save_file({"anything": table}, tmp_path / "tensors" / "item_vectors.safetensors")
    one, other = (open_at(split, tmp_path / name)[0] for name in ("npy", "tensors"))
    assert torch.equal(one.scores(HISTORIES), other.scores(HISTORIES))


def test_items_without_a_vector_are_counted_score_nothing_and_are_limited(split, tmp_path):
    made_elsewhere.write_matrices(tmp_path, RAW_ITEM_IDS[2:])
    recommender, report = open_at(split, tmp_path, max_missing_items=0.07)
    assert report["n_items_missing"] == 2
    assert torch.equal(recommender.scores(HISTORIES)[:, 1:3], torch.zeros(3, 2))
    with pytest.raises(InputError, match=r"lacks 2 of the 30 items .* \(B01, B02\), more than the 6.0% allowed"):
        open_at(split, tmp_path, max_missing_items=0.06)


def other_ids(*ids: str):
    return lambda folder: (folder / "item_ids.txt").write_text("\n".join(ids))


def other_table(table: np.ndarray):
    return lambda folder: np.save(folder / "item_vectors.npy", table, allow_pickle=True)


def of_users(table: np.ndarray, name: str):
    def write(folder: Path) -> None:
        np.save(folder / "user_vectors.npy", table)
        (folder / "user_ids.txt").write_text(name)

    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / "item_ids.txt").unlink(),
            r"item_ids\.txt: cannot be read; expected one raw id per line",
        ),
        (other_ids("B01"), r"each of the 1 lines of item_ids\.txt, got \(30, 4\)"),
        (other_ids("B01", *RAW_ITEM_IDS[:-1]), r"'B01' occurs twice"),
        (lambda folder: (folder / "item_vectors.npy").write_bytes(b"x"), r"cannot be read as numbers"),
        (other_table(np.array([{}] * 30)), r"item_vectors\.npy: cannot be read as numbers: .*allow_pickle"),
        (other_table(np.ones(30)), r"got \(30,\)"),
        (other_table(np.full((30, 2), np.nan)), r"row 0 \(B01\) contains a number that is not finite"),
        (
            lambda folder: (folder / "item_vectors.safetensors").touch(),
            r"contains both item_vectors\.npy and item_v.*; keep one",
        ),
        (lambda folder: (folder / "user_vectors.npy").touch(), r"user_ids\.txt: cannot be read"),
        (of_users(np.ones((1, 3)), "U1"), r"users have 3 dimensions, but items 4"),
        (of_users(np.ones((1, 4)), "nobody"), r"user_ids\.txt: none of these users is in the prepared data"),
    ],
)
def test_faulty_matrices_are_one_line(split, tmp_path, change, message):
    made_elsewhere.write_matrices(tmp_path)
    change(tmp_path)
    with pytest.raises(InputError, match=message):
        open_at(split, tmp_path)
