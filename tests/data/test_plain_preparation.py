"""The whole preparation beside the benchmark's yardstick, which is written with Python's own library alone."""

from __future__ import annotations

import csv
import importlib
import random
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_a_plain_script_makes_the_same_of_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    benchmark = importlib.import_module("benchmarks.prepare")
    monkeypatch.setattr(benchmark, "UNTITLED", 3)
    rng = random.Random(4)
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "position"])
        for user in range(200):
            for position in range(rng.randrange(4, 9)):
                writer.writerow([f"U{user}", str(int(90 * rng.random() ** 1.5)), position])
    benchmark.write_raw(tmp_path / "rows.csv", tmp_path)
    for name in ("plain", "ours"):
        (tmp_path / name).mkdir()
        getattr(benchmark, name)(tmp_path, tmp_path / name)
    n_users, n_items, n_interactions = benchmark.require_same(tmp_path / "plain", tmp_path / "ours")
    assert 0 < n_users < 200 and 0 < n_items < 90 and 5 * n_users <= n_interactions
