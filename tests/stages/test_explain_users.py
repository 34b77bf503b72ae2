from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from recexplainer import store
from recexplainer.explaining.generate import ExplanationGenerator
from recexplainer.recommenders.baselines import Popularity
from recexplainer.stages import explain_users
from recexplainer.tracking import runs
from tests import tiny
from tests.stages.test_align import options


@pytest.fixture
def prepared(project: Path) -> Path:
    tiny.write_prepared()
    return project


@pytest.mark.slow
def test_any_user_and_the_recommenders_best_items(
    base: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--source", "none", "--users", "2 raw:U7", "--items", "top,bottom"]
    assert explain_users.main([*given, *options(f"llm.base={base}", "explain.top_k=2")]) == 0
    records = store.read_user_explanations("none")
    assert [record.user_id for record in records] == [2] * 4 + [7] * 4
    assert [record.label for record in records] == ["Yes", None, "No", "No"] * 2
    best, printed = records[0], capsys.readouterr().out
    assert (best.rank, best.raw_user_id, best.title) == (1, "U2", tiny.TITLES[best.item_id - 1])
    assert best.raw_item_id == f"B{best.item_id}" and best.cited_items == []
    assert f'user 2 (U2), item {best.item_id} (B{best.item_id}) "{best.title}"' in printed
    assert "rank 1 of " in printed and "8 explanations: explanations/none" in printed
    assert not store.explanation_blocks("explain_users", "none").exists() and not Path("results").exists()
    client = runs.connect()
    experiment = runs.experiment_id(client, "demo")
    [run] = client.search_runs([experiment])
    assert {used.dataset.name for used in run.inputs.dataset_inputs} == {"interactions", "catalogue"}
    assert "mlflow.linkedPrompts" in run.data.tags
    assert run.data.params["users"] == "2 raw:U7" and run.data.params["explain.top_k"] == "2"
    traces = client.search_traces(locations=[experiment])
    assert {trace.data.request for trace in traces} and len(traces) == 8


def test_a_text_with_defects_is_not_shown_and_json_has_the_reply(
    base: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--source", "none", "--users", "2", "--items", "top", *options(f"llm.base={base}", "explain.top_k=2")]
    assert explain_users.main([*given, "--json"]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    records = store.read_user_explanations("none")
    assert [(row["user"], row["raw_user"], row["rank"]) for row in printed] == [(2, "U2", 1), (2, "U2", 2)]
    assert all(record.defects for record in records)  # four tokens are too few
    for row, record in zip(printed, records, strict=True):
        assert (row["text_by"], row["defects"]) == ("template", record.withheld) and row["text"] != record.text
        assert row["text"].startswith(f"{record.label or 'Neither Yes nor No'}. ")
    assert explain_users.main(given) == 0
    cards = capsys.readouterr().out
    assert "The explainer's own text is not shown" in cards and "without it" in cards


def test_vectors_are_those_of_the_whole_history(base: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aligned = tiny.explainer(base, "both")
    monkeypatch.setattr("recexplainer.explaining.explain.load_source", lambda *_: (aligned, None))
    monkeypatch.setattr(explain_users, "log_explanation_traces", lambda rows: len(rows))
    given: list[torch.Tensor | None] = []
    explain = ExplanationGenerator.explain
    monkeypatch.setattr(
        ExplanationGenerator,
        "explain",
        lambda self, cases, vectors: given.append(vectors) or explain(self, cases, vectors),
    )
    tiny.run_stage(explain_users.run, tiny.settings(), tiny.RecordedRun(), "both", "3 1", "12 title:Fox raw:B2 9")
    histories = [tiny.interactions().sequence(user) for user in (3, 1)]
    [vectors] = given
    assert vectors is not None and vectors.equal(tiny.mf().user_vectors(histories))
    records = store.read_user_explanations("both")
    named = {(record.user_id, record.item_id) for record in records}
    assert named == {(u, i) for u, h in zip((3, 1), histories, strict=True) for i in (12, 8, 2, 9) if i not in h}


def test_items_that_a_user_has_had_are_said(base: Path, prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    had, open_ = (
        next(u for u in range(1, 11) if (3 in tiny.interactions().sequence(u)) is wanted) for wanted in (True, False)
    )
    given = ["--source", "none", "--items", "3", *options(f"llm.base={base}")]
    assert explain_users.main([*given, "--users", str(had)]) == 2
    assert "items: the users have had every item asked for, so no decision" in capsys.readouterr().err
    assert explain_users.main([*given, "--users", f"{had} {open_}"]) == 0
    assert (
        f"skipped, because the user's history contains the item: 1 (first: user {had}, item 3)"
        in capsys.readouterr().err
    )
    assert [record.user_id for record in store.read_user_explanations("none")] == [open_]


def test_a_recommender_without_vectors_and_a_source_that_reads_them_is_one_clear_line(
    prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recommender was changed, and no explainer is aligned to the new one."""
    tiny.write_prepared(Popularity(tiny.N_ITEMS))
    assert explain_users.main(["--source", "both", "--users", "1", "--items", "top"]) == 2
    assert "registry/explainer-both.json: no such pointer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--users": "11"}, "users: unknown id 11; ids range from 1 to 10"),
        ({"--users": "raw:X"}, "users: the prepared data has no user with the raw id 'X'"),
        ({"--users": "1," * 1500}, "--users: is longer than 2000 characters"),
        ({"--items": "title:Nothing"}, "items: no item has the title 'Nothing'"),
        ({"--source": "llm"}, "--source must be one of"),
        ({"-S": "explain.template=gone.jinja"}, "explain.template: gone.jinja is not a file"),
    ],
)
def test_bad_input_is_one_clear_line_and_writes_nothing(
    prepared: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    given = {"--source": "none", "--users": "1", "--items": "top"} | changed
    assert explain_users.main([part for pair in given.items() for part in pair]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not Path("explanations").exists()
