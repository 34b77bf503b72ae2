"""Opening a recommender that was made elsewhere, as the parameters name it, and further facts about it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from recexplainer.core.errors import InputError
from recexplainer.core.settings.recommender import External
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.external.matrices import ExternalMatrices, agreement_warning, compare_users
from recexplainer.recommenders.external.python_model import DESCRIPTION
from recexplainer.recommenders.external.recommender import ExternalRecommender, Source
from recexplainer.recommenders.external.vectors import catalogue_vectors, find_vectors, read_vectors
from recexplainer.recommenders.ranking import LeaveOneOut

SECTION = "train_recommender.external"
PROBED_USERS = 8


def open_external(
    split: LeaveOneOut,
    chosen: External,
    raw_item_ids: list[str],
    raw_user_ids: list[str],
) -> tuple[Recommender, dict[str, Any]]:
    """The recommender, and a report of it for the metrics; nothing is trained.

    Args:
        split: Whose histories it is tried on.
        chosen: Its `folder` is not looked at for an MLflow URI without an adapter.
        raw_item_ids: (n_items,), in the order of the catalogue.
        raw_user_ids: (n_users,), in the order of the users' ids.

    Raises:
        InputError: Something is missing, does not fit the catalogue, or fails; or the answers are not a function of
            the history.
    """
    place, named = _model_place(Path(chosen.folder), chosen.model)
    if chosen.adapter is not None:
        name, _, class_name = chosen.adapter.partition(":")
        file = _inside(Path(chosen.folder), name, "adapter")
        opened = ExternalRecommender.open(Source(file, class_name or None, place, raw_item_ids, named))
    elif (place / DESCRIPTION).is_file():
        opened = ExternalRecommender.open(Source(None, None, place, raw_item_ids, named))
    elif place.is_dir() and find_vectors(place, "item"):
        return _open_matrices(place, split, chosen, raw_item_ids, raw_user_ids)
    else:
        raise InputError(
            f"{place}: is not an MLflow model and has no item_vectors.npy or .safetensors; for any other "
            f"recommender, name a Python file in {SECTION}.adapter"
        )
    _check_answers(opened, split)
    return opened, {"answered_by": opened.name, "dim": opened.dim}


def _open_matrices(
    folder: Path, split: LeaveOneOut, chosen: External, raw_item_ids: list[str], raw_user_ids: list[str]
) -> tuple[Recommender, dict[str, Any]]:
    ids, vectors = read_vectors(folder, "item")
    items, missing = catalogue_vectors(ids, vectors, raw_item_ids, chosen.max_missing_items, folder)
    recommender = ExternalMatrices.open(items, vectors, chosen.regularisation, chosen.confidence)
    report: dict[str, Any] = {
        "answered_by": f"matrices {file.name if (file := find_vectors(folder, 'item')) else ''} of {folder.name}",
        "dim": recommender.dim,
        "n_items_missing": len(missing),
        "n_items_unused": len(set(ids) - set(raw_item_ids)),
    }
    if find_vectors(folder, "user"):
        report["folded_users"] = _compare_users(folder, recommender, split, raw_user_ids)
        report |= agreement_warning(report["folded_users"])
    return recommender, report


def _compare_users(
    folder: Path, recommender: ExternalMatrices, split: LeaveOneOut, raw_user_ids: list[str]
) -> dict[str, Any]:
    """The agreement of folded-in users with the given ones, on whole histories and without the held-out items."""
    ids, vectors = read_vectors(folder, "user")
    if vectors.shape[1] != recommender.dim:
        raise InputError(f"{folder}: users have {vectors.shape[1]} dimensions, but items {recommender.dim}")
    given = {raw_id: row for row, raw_id in enumerate(ids)}
    cases = [case for case, user in enumerate(split.test.user_ids) if raw_user_ids[user - 1] in given]
    if not cases:
        raise InputError(f"{folder / 'user_ids.txt'}: none of these users is in the prepared data; are they raw ids?")
    users = vectors[[given[raw_user_ids[split.test.user_ids[case] - 1]] for case in cases]]
    whole = [np.append(split.test.histories[case], split.test.targets[case]) for case in cases]
    without = [split.valid.histories[case] for case in cases]
    return {
        "whole_history": compare_users(recommender, users, whole),
        "without_held_out": compare_users(recommender, users, without),
    }


def _check_answers(recommender: ExternalRecommender, split: LeaveOneOut) -> None:
    """Ask for a few histories twice, and one by one.

    Raises:
        InputError: The scores differ.
    """
    histories = split.test.histories[:PROBED_USERS]
    scores = recommender.scores(histories)[:, 1:]
    again = recommender.scores(histories)[:, 1:]
    alone = torch.cat([recommender.scores([history])[:, 1:] for history in histories])
    if recommender.has_vectors:
        recommender.user_vectors(histories)
    tolerance = 1e-3 * float(scores.std())
    for other, when in ((again, "on a second call"), (alone, "in a batch of one")):
        if not torch.allclose(scores, other, rtol=1e-4, atol=tolerance):
            raise InputError(
                f"{recommender.name} scores a history differently {when}; scores must depend on the history alone"
            )


def _model_place(folder: Path, model: str | None) -> tuple[Path, str]:
    """Where the model is on this machine, and how it is named to the user."""
    if model is not None and re.match(r"(models|runs):/", model):
        from recexplainer.tracking import fetching

        return fetching.fetch_model(model), model
    if not folder.is_dir():
        raise InputError(f"{SECTION}.folder: {folder} is not a folder")
    place = folder if model is None else _inside(folder, model, "model")
    return place, place.name


def _inside(folder: Path, name: str, parameter: str) -> Path:
    """A path in the folder: DVC watches the folder, and would not see a change elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{SECTION}.{parameter}: {name} must lie in {SECTION}.folder, which DVC watches")
    if not (folder / path).exists():
        raise InputError(f"{SECTION}.{parameter}: {folder / path}: no such file or folder")
    return folder / path
