"""The public data sets that no generator of ours made; skipped where they are not at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recexplainer.core.settings import Split
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import Interactions
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw

ROOT = Path(os.environ.get("RECEXPLAINER_REAL_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "format_name"), [("ml_latest_small", "movielens"), ("amazon_gift_cards_2018", "amazon_2018")]
)
def test_a_public_data_set_is_prepared(name, format_name, dataset, prepare_settings):
    if not (ROOT / name).is_dir():
        pytest.skip(f"no folder {ROOT / name}")
    settings = prepare_settings(k_core=5, min_user_items=5, split=Split(0.8, 0.1, 0.1))
    prepared = prepare_data(open_raw(dataset(raw=str(ROOT / name), format=format_name)), settings, seed=7)
    catalogue = Catalogue(prepared.catalogue)
    interactions = Interactions.from_frame(prepared.interactions, catalogue.n_items)
    assert prepared.report["files"]["interactions_file"]["bad_lines"] == 0
    assert len(interactions) <= prepared.report["steps"][0]["n_interactions"]
    assert prepared.interactions["user_id"].value_counts().min() >= 5
    assert prepared.interactions["item_id"].value_counts().min() >= 5
    assert set(prepared.interactions["item_id"]) == set(range(1, catalogue.n_items + 1))
    assert len({title.casefold() for title in catalogue.titles[1:]}) == catalogue.n_items
    assert all(title == " ".join(title.split()) and title.isprintable() for title in catalogue.titles[1:])
    assert set(prepared.users["split"]) == {"train", "valid", "test"}
    assert (prepared.interactions.groupby("user_id")["timestamp"].diff().dropna() >= 0).all()
