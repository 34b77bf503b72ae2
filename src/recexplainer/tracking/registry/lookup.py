"""A quick look into a local registry, without importing MLflow (seconds): is all as it should be?

Only a clear yes counts. Any doubt, such as another kind of store or an unknown schema, means no, and the
caller then asks MLflow itself.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlparse

from recexplainer.core.environment import sqlite_file
from recexplainer.tracking.lineage import CONTENT_TAG

_QUERY = """
    SELECT v.status, v.storage_location, t.value
    FROM registered_model_aliases a
    JOIN model_versions v ON v.name = a.name AND v.version = a.version
    JOIN model_version_tags t ON t.name = a.name AND t.version = a.version AND t.key = ?
    WHERE a.name = ? AND a.alias = ?
"""


def alias_holds(tracking_uri: str, name: str, alias: str, content_sha256: str) -> bool:
    """Whether ``name@alias`` is a ready version with this content, its files in place."""
    file = sqlite_file(tracking_uri)
    if file is None or not file.exists():
        return False
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute(_QUERY, (CONTENT_TAG, name, alias)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return False
    return len(rows) == 1 and rows[0][0] == "READY" and rows[0][2] == content_sha256 and _in_place(rows[0][1])


def _in_place(location: str | None) -> bool:
    if not location:
        return False
    address = urlparse(location)
    if address.scheme not in ("", "file"):
        return False
    return (Path(unquote(address.path)) / "MLmodel").is_file()
