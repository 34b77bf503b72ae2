from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError


def test_pointers_are_checked(empty_project: Path) -> None:
    with pytest.raises(InputError, match="no such pointer; register the model first"):
        store.read_pointer("explainer-both")
    store.write_json(store.pointer("explainer-both"), {"name": "n", "alias": "a"})
    with pytest.raises(InputError, match="expected the keys name, alias, content_sha256"):
        store.read_pointer("explainer-both")
