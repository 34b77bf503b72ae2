"""The pointers that tie DVC-tracked models to their registered versions."""

from __future__ import annotations

from recexplainer.core.errors import InputError
from recexplainer.store.paths import pointer
from recexplainer.store.texts import read_json

POINTER_KEYS = ("name", "alias", "content_sha256")


def read_pointer(role: str) -> dict[str, str]:
    """Read a role's pointer: registered name, alias, content hash.

    Raises:
        InputError: when the pointer is missing or malformed.
    """
    path = pointer(role)
    if not path.exists():
        raise InputError(f"{path}: no such pointer; register the model first (dvc repro)")
    value = read_json(path)
    if not isinstance(value, dict) or sorted(value) != sorted(POINTER_KEYS):
        raise InputError(f"{path}: expected the keys {', '.join(POINTER_KEYS)}; run dvc repro")
    return value
