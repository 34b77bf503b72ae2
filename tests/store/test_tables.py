from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from recexplainer import store
from recexplainer.core.errors import InputError


def test_parquet_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    store.write_parquet(path, pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="a.parquet: has no column 'b'"):
        store.read_parquet(path, ("a", "b"))
    path.write_text("no parquet")
    with pytest.raises(InputError, match="is not a readable Parquet file"):
        store.read_parquet(path)
    with pytest.raises(InputError, match="no such file"):
        store.read_parquet(tmp_path / "b.parquet")
