from __future__ import annotations

import sqlite3
from pathlib import Path

from recexplainer.tracking.registry.lookup import alias_holds


def test_any_doubt_means_no(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    uri = f"sqlite:///{file}"
    assert not alias_holds(uri, "name", "candidate", "abc")
    assert not file.exists()
    file.write_text("no database")
    assert not alias_holds(uri, "name", "candidate", "abc")
    file.unlink()
    sqlite3.connect(file).execute("CREATE TABLE other (a)").connection.close()
    assert not alias_holds(uri, "name", "candidate", "abc")
    assert not alias_holds("http://host", "name", "candidate", "abc")
    assert not alias_holds("postgresql://host/db", "name", "candidate", "abc")
