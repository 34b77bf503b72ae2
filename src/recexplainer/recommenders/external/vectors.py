"""Files of vectors and of the ids that they belong to, brought into the order of the catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from recexplainer.core.errors import InputError

ENDINGS = (".npy", ".safetensors")


def find_vectors(folder: Path, owner: str) -> Path | None:
    """The file `item_vectors.…` or `user_vectors.…` of a folder, or None.

    Raises:
        InputError: There are two of them.
    """
    found = [file for ending in ENDINGS if (file := folder / f"{owner}_vectors{ending}").is_file()]
    if len(found) > 1:
        raise InputError(f"{folder}: contains both {found[0].name} and {found[1].name}; keep one")
    return found[0] if found else None


def read_vectors(folder: Path, owner: str) -> tuple[list[str], Tensor]:
    """Raw ids, one a line in `<owner>_ids.txt`, and their vectors (n, dim), fp32.

    A safetensors file holds one tensor. No pickle is read.

    Raises:
        InputError: A file is missing or damaged, the two do not fit, an id is repeated, or a number is not finite.
    """
    file, ids_file = find_vectors(folder, owner), folder / f"{owner}_ids.txt"
    if file is None:
        raise InputError(f"{folder}: has no {owner}_vectors.npy or .safetensors")
    try:
        ids = ids_file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{ids_file}: cannot be read; expected one raw id per line: {error}") from error
    vectors = _read(file).to(torch.float32)
    if vectors.ndim != 2 or 0 in vectors.shape or len(vectors) != len(ids):
        raise InputError(
            f"{file}: expected one row for each of the {len(ids)} lines of {ids_file.name}, got {tuple(vectors.shape)}"
        )
    if not bool(vectors.isfinite().all()):
        row = int((~vectors.isfinite()).any(dim=1).nonzero()[0])
        raise InputError(f"{file}: row {row} ({ids[row]}) contains a number that is not finite")
    if len(set(ids)) != len(ids):
        twice = next(name for place, name in enumerate(ids) if name in ids[:place])
        raise InputError(f"{ids_file}: {twice!r} occurs twice")
    return ids, vectors


def catalogue_vectors(
    ids: list[str], vectors: Tensor, raw_item_ids: list[str], max_missing: float, folder: Path
) -> tuple[Tensor, list[str]]:
    """The vectors (n_items + 1, dim) in the order of the catalogue, and the raw ids of items that have none.

    An item without a vector gets zeros, as the padding's row 0.

    Args:
        ids: Raw ids, (n,).
        vectors: (n, dim).
        raw_item_ids: Of the catalogue.
        max_missing: The largest share of the catalogue that may be missing.
        folder: Where they come from.

    Raises:
        InputError: More are missing.

    >>> table, missing = catalogue_vectors(["b", "a"], torch.eye(2), ["a", "c", "b"], 0.5, Path("als"))
    >>> table.tolist(), missing
    ([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]], ['c'])
    """
    rows = {raw_id: row for row, raw_id in enumerate(ids)}
    missing = [raw_id for raw_id in raw_item_ids if raw_id not in rows]
    if len(missing) > max_missing * len(raw_item_ids):
        shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise InputError(
            f"{folder / 'item_ids.txt'}: lacks {len(missing)} of the {len(raw_item_ids)} items of the catalogue "
            f"({shown}), more than the {max_missing:.1%} allowed: prepare the data that the recommender was trained on"
            + (", or raise train_recommender.external.max_missing_items" if max_missing else "")
        )
    table = vectors.new_zeros(len(raw_item_ids) + 1, vectors.shape[1])
    places = [place for place, raw_id in enumerate(raw_item_ids, start=1) if raw_id in rows]
    table[places] = vectors[[rows[raw_item_ids[place - 1]] for place in places]]
    return table, missing


def _read(file: Path) -> Tensor:
    try:
        if file.suffix == ".npy":
            return torch.from_numpy(np.load(file, allow_pickle=False).astype(np.float64))
        tensors = load_file(file)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise InputError(f"{file}: cannot be read as numbers: {error}") from error
    if len(tensors) != 1:
        raise InputError(f"{file}: expected one tensor, found {len(tensors)}: {', '.join(sorted(tensors))}")
    return next(iter(tensors.values()))
