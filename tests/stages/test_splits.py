"""The guarantee that the experiment rests on: each stage takes the users of its split and no others.

Every test here was seen to fail with the stage taking another split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recexplainer import store
from recexplainer.alignment import in_context
from recexplainer.core.settings import load_settings
from recexplainer.data.examples import Example
from recexplainer.data.splits import SPLITS, TEST, TRAIN
from recexplainer.stages import (
    align,
    audit,
    build_alignment,
    draft_explanations,
    evaluate_alignment,
    evaluate_baselines,
    explain,
    explain_users,
    train_recommender,
)
from recexplainer.tasks import explanation
from tests import tiny
from tests.stages import test_train_recommender as recommender_world

pytestmark = pytest.mark.slow

USERS = {split: set(tiny.users().loc[tiny.users()["split"] == split, "user_id"]) for split in SPLITS}
SMALL_RECOMMENDER = (*recommender_world.SMALL, "recommender.kind=sasrec")


class Taken(Exception):
    """Ends a stage where it has taken its examples."""


def ends(seen: list[Any]) -> Callable[..., None]:
    """What stands for a costly step: it keeps its arguments and ends the stage."""

    def end(*given: Any, **named: Any) -> None:
        seen.extend(given)
        raise Taken

    return end


def about(examples: list[Example]) -> set[int]:
    return {example.user_id for example in examples if example.user_id}


@pytest.fixture(autouse=True)
def world(empty_project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()


def test_an_example_bears_the_split_of_its_user() -> None:
    build_alignment.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    data = store.read_alignment()
    assert {split: about(data.of_split(split)) for split in SPLITS} == USERS
    whole = [example for split in SPLITS for example in data.of_split(split)]
    assert len(whole) == len(data.examples) and all(example in whole for example in data.examples)


def test_names_tell_the_line_in_the_file_and_drafts_come_last() -> None:
    drafts = [Example(explanation.NAME, split, "Yes.", user_id=user) for split, user in ((TEST, 5), (TRAIN, 1))]
    store.write_drafts(drafts)
    data = store.read_alignment(with_drafts=True)
    named = list(data.named(TRAIN))
    assert named[-1] == ("draft-2", drafts[1]) and data.of_split(TRAIN)[-1] == drafts[1]
    lines = {int(name.removeprefix("example-")): example for name, example in named[:-1]}
    assert all(data.examples[line - 1] == example for line, example in lines.items())


def test_align_teaches_training_users_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = store.read_alignment().examples
    of_user = {split: next(e for e in asked if e.split == split and e.user_id) for split in SPLITS}
    store.write_drafts(
        [replace(example, task=explanation.NAME, answer="Yes.", choices=[], shares=[]) for example in of_user.values()]
    )
    warmed: list[Any] = []
    taught: list[Any] = []
    monkeypatch.setattr(align, "training_examples", lambda *given: taught.extend(given) or [])
    monkeypatch.setattr(align, "warm_start", ends(warmed))
    with pytest.raises(Taken):
        align.run(tiny.settings(f"llm.base={base}"), tiny.RecordedRun(), "both")  # type: ignore[arg-type]
    data = store.read_alignment(with_drafts=True)
    assert about(taught[2]) == USERS["train"] and {example.split for example in taught[2]} == {"train"}
    assert [example.task for example in taught[2]].count(explanation.NAME) == 1
    pairs = sorted({(e.vector_row, e.user_id, e.position) for e in data.of_split(TRAIN) if e.vector_row >= 0})
    assert warmed[2].equal(data.user_vectors[[row for row, *_ in pairs]])
    whole = [tiny.interactions().sequence(user)[:position].tolist() for _, user, position in pairs]
    assert warmed[3] == whole and max(map(len, whole)) > 4  # of which prompts show: none of the rest is ranked either


def test_align_is_watched_on_valid_users_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(align, "validation", ends(seen))
    with pytest.raises(Taken):
        align.run(tiny.settings(f"llm.base={base}"), tiny.RecordedRun(), "both")  # type: ignore[arg-type]
    assert about(seen[2]) == USERS["valid"] and {example.split for example in seen[2]} == {"valid"}


def test_drafts_are_about_training_users_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(draft_explanations, "draft", ends(seen))
    with pytest.raises(Taken):
        draft_explanations.run(tiny.settings(f"llm.base={base}"), tiny.RecordedRun())  # type: ignore[arg-type]
    assert about([case.example for case in seen[2]]) == USERS["train"]


def test_explainers_are_measured_on_test_users_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(evaluate_alignment, "evaluate", ends(seen))
    with pytest.raises(Taken):
        evaluate_alignment.run(tiny.settings(f"llm.base={base}"), tiny.RecordedRun(), "none")  # type: ignore[arg-type]
    assert about(seen[2]) == USERS["test"] and {example.split for example in seen[2]} == {"test"}


def test_the_audit_is_about_test_users_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(audit, "audit_recommender", ends(seen))
    with pytest.raises(Taken):
        audit.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert about(seen[1].pairs) == USERS["test"]


def test_baselines_are_taught_by_training_users_and_measured_on_test_users(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[Any] = []
    measured: list[list[Example]] = []
    solved: list[Any] = []
    monkeypatch.setattr(evaluate_baselines, "train_student", lambda *given: taught.extend(given))
    for name in ("evaluate_chance", "evaluate_recommender"):
        place = {"evaluate_chance": 1, "evaluate_recommender": 2}[name]
        monkeypatch.setattr(evaluate_baselines, name, lambda *given, place=place: measured.append(given[place]) or {})
    monkeypatch.setattr(in_context, "evaluate_in_context", lambda *given: solved.append(given[2:4]) or {})
    where = "evaluate_baselines.in_context"
    given = [f"llm.base={base}", f"{where}.answerers=[none]"]
    evaluate_baselines.run(tiny.settings(*given), tiny.RecordedRun())  # type: ignore[arg-type]
    assert {user for user, _ in taught[2]} == USERS["train"]
    assert len(measured) == 3 and all(about(examples) == USERS["test"] for examples in measured)
    [(shown, questions)] = solved
    assert about([example for of_task in shown.values() for example in of_task]) <= USERS["train"]
    assert about([example for of_task in questions.values() for example in of_task]) == USERS["test"]
    assert all(shown.values()) and all(questions.values())


def test_what_is_explained_is_about_test_users_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(explain, "explain_cases", ends(seen))
    with pytest.raises(Taken):
        explain.run(tiny.settings("explain.n_cases=100"), tiny.RecordedRun(), "none")  # type: ignore[arg-type]
    assert {case.example.user_id for case in seen[3]} == USERS["test"]


@pytest.mark.parametrize("split", SPLITS)
def test_users_of_a_named_split_are_explained_and_no_others(split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(explain_users, "explain_cases", ends(seen))
    with pytest.raises(Taken):
        explain_users.run(tiny.settings(), tiny.RecordedRun(), "none", split, "top")  # type: ignore[arg-type]
    assert {case.example.user_id for case in seen[3]} == USERS[split]


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize(
    ("held_out", "learnt_from_if_refit"),
    [(1, False), (2, True)],  # the test item is never learnt from, the valid item by the last training alone
)
def test_the_recommender_learns_nothing_from_what_it_is_measured_on(
    refit: bool, held_out: int, learnt_from_if_refit: bool
) -> None:
    rng = np.random.default_rng(0)
    sequences = [(rng.permutation(tiny.N_ITEMS)[:6] + 1).tolist() for _ in range(20)]
    weights, figures = [], []
    for step in (0, 1):
        changed = [list(sequence) for sequence in sequences]
        for sequence in changed:
            left = sorted(set(range(1, tiny.N_ITEMS + 1)) - set(sequence))
            sequence[-held_out] = left[0] if step else sequence[-held_out]
        rows = [(user, item, place) for user, s in enumerate(changed, start=1) for place, item in enumerate(s)]
        store.write_interactions(pd.DataFrame(rows, columns=["user_id", "item_id", "position"]))
        settings = load_settings(
            recommender_world.PARAMS,
            [*SMALL_RECOMMENDER, "train_recommender.sasrec.max_epochs=1", f"train_recommender.refit={refit}"],
        )
        train_recommender.run(settings, recommender_world.RecordedRun())
        weights.append((store.RECOMMENDER / "weights.safetensors").read_bytes())
        figures.append(store.read_json(store.RECOMMENDER_METRICS))
    part, other = ("test", "valid") if held_out == 1 else ("valid", "test")
    assert (weights[0] == weights[1]) is not (refit and learnt_from_if_refit)
    assert figures[0]["sasrec"][part] != figures[1]["sasrec"][part]
    if held_out == 1:  # nothing that the test items change reaches what is chosen
        assert figures[0]["sasrec"][other] == figures[1]["sasrec"][other]
        assert figures[0]["item_knn_settings"] == figures[1]["item_knn_settings"]


def test_the_best_epoch_is_chosen_on_the_valid_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage hands the whole split to training, which asks the valid cases after each epoch and no others."""
    from recexplainer.recommenders import training

    ranked: list[Any] = []
    rank_cases = training.rank_cases
    monkeypatch.setattr(
        training, "rank_cases", lambda model, cases: ranked.append(cases.targets.tolist()) or rank_cases(model, cases)
    )
    train_recommender.run(
        load_settings(recommender_world.PARAMS, list(SMALL_RECOMMENDER)), recommender_world.RecordedRun()
    )
    given = store.read_interactions()
    valid = [int(given.sequence(user)[-2]) for user in range(1, given.n_users + 1)]
    assert len(ranked) == 3 and all(targets == valid for targets in ranked)
