"""The stage itself, from the command line, on tiny files in the Amazon format."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recexplainer import store

ROOT = Path(__file__).resolve().parents[2]


def prepare(folder: Path, *assignments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }
    options = [part for assignment in assignments for part in ("-S", assignment)]
    command = [
        sys.executable,
        "-m",
        "recexplainer",
        "prepare",
        "--params",
        str(ROOT / "params.yaml"),
        *options,
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def write_gzip(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


@pytest.fixture
def project(tmp_path):
    """A project folder with 40 users who rated the same six items."""
    raw = tmp_path / "data/raw/demo"
    reviews = [
        {
            "reviewerID": f"U{user}",
            "asin": f"B{n}",
            "overall": 5.0,
            "unixReviewTime": 1000 + n * (1 + user % 2),
        }
        for user in range(40)
        for n in range(6)
    ]
    write_gzip(raw / "reviews.json.gz", reviews)
    write_gzip(raw / "meta.json.gz", [{"asin": f"B{n}", "title": f"Slot <item> {n}; é"} for n in range(6)])
    dialogue = {
        "id": "d",
        "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}],
    }
    (raw / "dialogues.json").write_text(json.dumps([dialogue]))
    return tmp_path


@pytest.mark.slow
def test_the_stage_writes_what_the_store_reads(project):
    done = prepare(project)
    assert done.returncode == 0, done.stderr
    interactions = store.read_interactions(project / store.INTERACTIONS)
    assert (interactions.n_users, interactions.n_items, len(interactions)) == (40, 6, 240)
    assert interactions.sequence(40).tolist() == [1, 2, 3, 4, 5, 6]
    assert store.read_catalogue(project / store.CATALOGUE).title(3) == "Slot <item> 2; é"
    assert len(store.read_users(project / store.USERS)) == 40
    assert store.read_dialogues(project / store.DIALOGUES)[0]["turns"][1] == {
        "role": "assistant",
        "content": "Hello",
    }
    assert store.read_json(project / store.PREPARE_REPORT)["n_interactions"] == 240
    said = [line.split() for line in done.stdout.splitlines()]
    assert ["step", "interactions", "users", "items"] in said and ["k_core_last", "240", "40", "6"] in said
    assert "lost 0.0%: 0 unknown items, 0 without a title" in done.stdout


@pytest.mark.slow
def test_a_loss_ends_with_one_line_and_code_2_unless_the_parameter_allows_it(project):
    titles = {n: {"title": f"Title {n}"} if n else {} for n in range(6)}
    write_gzip(project / "data/raw/demo/meta.json.gz", [{"asin": f"B{n}", **titles[n]} for n in range(6)])
    done = prepare(project)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "40 of 240 interactions are lost (16.7%; prepare.max_lost allows 5.0%)" in done.stderr
    assert "k_core" in done.stdout and not (project / "data/prepared").exists()
    assert prepare(project, "prepare.max_lost=0.2").returncode == 0


@pytest.mark.slow
def test_a_file_that_dvc_does_not_watch_is_told_of(project):
    raw, elsewhere = project / "data/raw/demo", project / "own.json"
    elsewhere.write_text((raw / "dialogues.json").read_text())
    told = prepare(project, f"dataset.dialogues_file={elsewhere}").stderr
    assert "warning: prepare: dataset.dialogues_file: DVC watches data/raw/demo alone" in told
    inside = prepare(project, "dataset.dialogues_file=data/raw/demo/dialogues.json")
    assert inside.returncode == 0 and "warning: prepare" not in inside.stderr


@pytest.mark.slow
def test_bad_input_ends_with_one_line_and_code_2_and_writes_nothing(project):
    (project / "data/raw/demo/broken.json").write_text("{\n")
    done = prepare(project, "dataset.interactions_file=broken.json", "dataset.max_bad_lines=0")
    assert done.returncode == 2
    assert done.stderr.startswith("error: data/raw/demo/broken.json: line 1: malformed JSON")
    assert done.stderr.count("\n") == 1
    assert not (project / "data/prepared").exists()
