"""The figures of a GPU: what is written of each part, and the cheapest parts on whatever machine this is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY


def run(out: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "benchmarks/on_gpu.py", "--tiny", "--out", str(out), *options]
    environment = {**os.environ, "PYTHONPATH": "src", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    return json.loads((out / "on_gpu.json").read_text())


@pytest.mark.slow
def test_every_part_has_a_state_and_bf16_follows_fp32(tmp_path: Path) -> None:
    parts = run(tmp_path, "--minutes", "4", "--parts", "ours, flex; precision; qlora")["parts"]
    assert list(parts) == ["ours, flex", "precision", "qlora"]
    assert parts["ours, flex"]["reason"] == "flex_attention learns on a GPU alone"
    assert parts["qlora"]["state"] == "not run"
    assert parts["precision"]["state"] == "done"
    losses = parts["precision"]["figures"]
    assert losses["steps"] == 5
    assert 0 < losses["mean relative difference"] < 0.02  # two precisions, the same lesson


@pytest.mark.slow
def test_what_the_time_does_not_reach_says_so(tmp_path: Path) -> None:
    parts = run(tmp_path, "--minutes", "0.001", "--parts", "ours; precision")["parts"]
    assert {part["state"] for part in parts.values()} == {"not reached"}


def test_metrics_are_compared_by_their_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    from benchmarks.on_gpu import compare

    gpu = {"metrics": {"task": {"hr": 0.5, "hr_interval": [0.4, 0.6], "auc": 0.9, "auc_interval": [0.8, 1.0], "n": 3}}}
    cpu = {"metrics": {"task": {"hr": 0.7, "hr_interval": [0.55, 0.8], "auc": 0.5, "auc_interval": [0.4, 0.6]}}}
    found = compare(gpu, cpu)
    assert list(found) == ["task/hr", "task/auc"]
    assert [found["task/hr"][name] for name in ("within the CPU's interval", "intervals meet")] == [False, True]
    assert [found["task/auc"][name] for name in ("within the CPU's interval", "intervals meet")] == [False, False]
