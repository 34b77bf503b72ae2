from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.evidence import Counterfactual, Evidence
from recexplainer.core.records.explanation import Explanation, Mention, ModelVersion
from tests.records import make_explanation, make_judgement

MENTION = Mention(5, 10, "Étoile", "history", 1, "exact")
WHOLE = make_explanation(
    text='Yes. "Étoile".',
    citations=[MENTION],
    model=ModelVersion("n", "1", "x"),
    base={"name": "b", "revision": None},
    evidence=Evidence([3], [0.5], "shift", older=7, older_strength=0.25),
    counterfactuals=[Counterfactual("removal", "Yes", 2, [3], None, "mask", 5, 1, 8, 9, smallest=True)],
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the explanations of `both` lie."""
    monkeypatch.chdir(tmp_path)
    return store.explanations("both")


def write_row(path: Path, row: dict[str, Any]) -> None:
    store.write_explanations("both", [make_explanation(), WHOLE])
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(f"{lines[0]}\n{json.dumps(row)}\n", encoding="utf-8")


def test_explanations_come_back_as_they_were(path: Path) -> None:
    written = [make_explanation(label=None, verdict=None, p_yes=None, score=3), WHOLE]
    store.write_explanations("both", written)
    assert store.read_explanations("both") == written
    row = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    assert row["citations"] == [vars(MENTION)] and row["model"] == {"name": "n", "version": "1", "sha256": "x"}
    assert list(row) == [name for name, value in vars(WHOLE).items() if value is not None]
    del row["evidence"]["joint"]  # a record that was written before it was known
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert store.read_explanations("both") == [WHOLE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_yes": "0.9"}, "p_yes: input should be a valid number"),
        ({"label": "yes"}, "label: input should be 'Yes' or 'No'"),
        ({"history": [1, 2.5]}, "history.1: input should be a valid integer"),
        ({"history": None}, "history: input should be a valid array"),
        ({"citations": [vars(MENTION) | {"kind": "seen"}]}, "citations.0.kind: input should be 'history', 'target'"),
        ({"request": {}}, "has no 'request.template'"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_file_and_line(
    path: Path, change: dict[str, Any], message: str
) -> None:
    write_row(path, store.to_row(WHOLE) | change)
    with pytest.raises(InputError) as error:
        store.read_explanations("both")
    assert str(error.value).startswith(f"{path}: line 2: {message}")
    assert str(error.value).endswith("; run dvc repro explain@both") and "\n" not in str(error.value)


@pytest.mark.parametrize("field", ["explanation_id", "citations", "n_cut", "invented_titles", "base"])
def test_an_older_file_without_a_field_is_refused(path: Path, field: str) -> None:
    row = store.to_row(WHOLE)
    del row[field]
    write_row(path, row)
    with pytest.raises(InputError, match=f"explanations_both.jsonl: line 2: has no '{field}'; run dvc repro explain"):
        store.read_explanations("both")


@pytest.mark.parametrize("line", ["", "{", "[]", '"text"', '{"explanation_id": NaN'])
def test_a_line_that_is_not_an_object_is_refused(path: Path, line: str) -> None:
    store.write_text(path, f"{json.dumps(store.to_row(WHOLE))}\n{line}\n")
    with pytest.raises(InputError, match="explanations_both.jsonl: line 2: .*; run dvc repro explain@both"):
        store.read_explanations("both")


def test_a_missing_file_says_what_to_run(path: Path) -> None:
    with pytest.raises(InputError, match="explanations_both.jsonl: no such file; run dvc repro explain@both"):
        store.read_explanations("both")


@dataclass(frozen=True, kw_only=True)
class Extended(Explanation):
    """An explanation of a later version, which has learnt one field."""

    learnt: list[int] | None = None


def test_a_new_optional_field_leaves_older_files_readable(tmp_path: Path) -> None:
    path = tmp_path / "explanations.jsonl"
    store.write_records(path, [make_explanation()])
    [older] = store.read_records(path, Extended, "write it again")
    assert older.learnt is None and "learnt" not in path.read_text(encoding="utf-8")
    store.write_records(path, [older, replace(older, learnt=[3])])
    assert store.to_row(older) == store.to_row(make_explanation())
    assert [found.learnt for found in store.read_records(path, Extended, "write it again")] == [None, [3]]
    assert store.read_records(path, Explanation, "") == [make_explanation()] * 2  # an older version ignores it


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"p_yes": float("nan")}, "p_yes"),
        ({"score": float("inf")}, "score"),
        ({"request": vars(WHOLE.request), "learnt": [[1.0, float("-inf")]]}, "learnt"),
    ],
)
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, row: dict[str, Any], field: str) -> None:
    path = tmp_path / "explanations.jsonl"
    path.write_text(json.dumps(store.to_row(WHOLE) | row), encoding="utf-8")
    with pytest.raises(InputError, match=f"line 1: {field}: .*finite; write it again"):
        store.read_records(path, Measured, "write it again")


@dataclass(frozen=True, kw_only=True)
class Measured(Explanation):
    """An explanation with a field of any form."""

    learnt: Any = None


def test_a_file_to_be_rewritten_may_not_hold_unknown_fields(tmp_path: Path) -> None:
    path = tmp_path / "explanations.jsonl"
    store.write_records(path, [make_explanation(), Extended(**vars(WHOLE), learnt=[3])])
    assert len(store.read_records(path, Extended, "move it away", to_rewrite=True)) == 2
    with pytest.raises(InputError, match="line 2: has an unknown field 'learnt'; move it away"):
        store.read_records(path, Explanation, "move it away", to_rewrite=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": "E"}, "level: input should be 'A', 'B', 'C'"),
        ({"score": 1.5}, "score: input should be a valid integer"),
        ({"reasons": []}, "reasons: input should be an object"),
    ],
)
def test_a_judgement_that_does_not_fit_is_named(path: Path, change: dict[str, Any], message: str) -> None:
    store.write_judgements("both", [make_judgement(), make_judgement(level="failed", score=None)])
    assert [found.score for found in store.read_judgements("both")] == [1, None]
    store.write_jsonl(store.judgements("both"), [store.to_row(make_judgement()) | change])
    with pytest.raises(InputError, match=f"judgements_both.jsonl: line 1: {message}.*; run dvc repro judge@both"):
        store.read_judgements("both")
