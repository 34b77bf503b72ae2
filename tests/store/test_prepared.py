from __future__ import annotations

from pathlib import Path

import pandas as pd

from recexplainer import store


def test_interactions_are_stored_sorted_and_typed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [2, 1, 1], "item_id": [3, 1, 2], "position": [0, 1, 0], "rating": [5, 4, 3]})
    store.write_interactions(frame, tmp_path / "i.parquet")
    read = pd.read_parquet(tmp_path / "i.parquet")
    assert read["item_id"].tolist() == [2, 1, 3]
    assert {name: str(kind) for name, kind in read.dtypes.items()} == {
        "user_id": "int32", "item_id": "int32", "position": "int32", "rating": "float32",
    }  # fmt: skip
    assert list(store.read_interactions(tmp_path / "i.parquet").sequence(1)) == [2, 1]
