"""The demo's table in README holds the figures of the reference run, whose metrics git keeps."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BASELINES = {"chance": "random", "student recommender": "student"}  # README's words → rows of alignment_baselines.json
COLUMNS = {
    "HR@5": "next_item_retrieval.hr@5",
    "free HR@5": "next_item_retrieval.free.hr@5",
    "interest: accuracy": "interest_classification.accuracy",
    "ranking: paper's NDCG@5": "item_ranking.paper_ndcg@5",
    "HCR": "history_reconstruction.hcr",
    "titles": "item_discrimination.title_accuracy",
    "judge": "judge.mean",
}
Metrics = Mapping[str, Mapping[str, Any]]


def reference_metrics() -> Metrics:
    """Name → content of the metrics that git keeps, whatever was run here since; none where none are kept."""
    listed = _git("ls-files", "metrics/*.json").split()
    return {re.sub(r"metrics/|\.json", "", name): json.loads(_git("show", f":{name}")) for name in listed}


def table(text: str) -> dict[str, dict[str, str]]:
    """README's table of results: name of the row → column → figure as it stands there."""
    lines = re.search(r"^\| *\| *HR@5.*\n(?:\|.*\n?)+", text, re.MULTILINE)
    assert lines, "README has no table whose first column is HR@5"
    head, _, *rows = [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in lines[0].splitlines()]
    assert set(head[1:]) <= set(COLUMNS), "a column that this test does not know: add it to COLUMNS"
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def expected(metrics: Metrics, row: str) -> dict[str, str]:
    """A row as the metrics have it: column → figure with two digits, or nothing."""
    if row in BASELINES:
        found: Mapping[str, Any] = metrics["alignment_baselines"][BASELINES[row]]
    else:
        found = {**metrics[f"alignment_{row}"], "judge": metrics[f"judge_{row}"]}
    return {column: _figure(found, path) for column, path in COLUMNS.items()}


def test_the_table_of_readme_is_the_reference_run() -> None:
    metrics = reference_metrics()
    if not metrics:
        pytest.skip("no reference run is committed: metrics/*.json are not in git")
    shown = table(README)
    assert {"none", "behaviour", "intention", "both"} <= set(shown)
    wanted = {row: {column: expected(metrics, row)[column] for column in cells} for row, cells in shown.items()}
    assert shown == wanted
    ranked = [metrics["recommender"][name]["test"]["ndcg@10"] for name in ("sasrec", "popularity", "item_knn")]
    assert not [figure for figure in (f"{value:.3f}".lstrip("0") for value in ranked) if figure not in README]


def test_another_figure_and_an_unknown_column_are_found() -> None:
    text = "| | HR@5 | judge |\n|---|---|---|\n| chance | .02 | |\n| `both` | .66 | 2.58 |\n"
    metrics = {
        "alignment_baselines": {"random": {"next_item_retrieval": {"hr@5": 0.0172}}},
        "alignment_both": {"next_item_retrieval": {"hr@5": 0.6552}},
        "judge_both": {"mean": 2.58},
    }
    for name, cells in table(text).items():
        assert cells.items() <= expected(metrics, name).items()
    assert not table(text.replace(".66", ".65"))["both"].items() <= expected(metrics, "both").items()
    with pytest.raises(AssertionError, match="add it to COLUMNS"):
        table(text.replace("judge", "mood"))


def _figure(found: Any, path: str) -> str:
    for key in path.split("."):
        if key not in found:
            return ""
        found = found[key]
    return f"{found:.2f}".removeprefix("0")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""
