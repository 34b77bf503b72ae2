from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recexplainer.alignment import validation as validation_module
from recexplainer.alignment.callbacks import Speed, Validation
from recexplainer.alignment.evaluation import evaluate
from recexplainer.alignment.rows import packed_rows
from recexplainer.alignment.training import training_examples
from recexplainer.alignment.validation import mean_loss, users_examples, validation
from recexplainer.llm.packing import collate
from tests import tiny
from tests.alignment.test_training import Lesson, equal, interrupted, lesson, taught

pytestmark = pytest.mark.slow

DROPOUT = "align.lora.dropout=0.3"  # it draws from the generators with every step


def watched(base: Path, *assignments: str) -> Lesson:
    return lesson(base, "both", None, DROPOUT, *assignments)


def test_watching_changes_no_weight(base: Path, tmp_path: Path) -> None:
    alone, seen = watched(base), watched(base, "align.eval_steps=2")
    alone.train(tmp_path / "alone")
    seen.train(tmp_path / "seen")
    assert not alone.valid and len(seen.valid) > 2
    assert equal(alone.trained, seen.trained)
    assert [values["loss"] for values, _ in alone.logs if "loss" in values] == [
        values["loss"] for values, _ in seen.logs if "loss" in values
    ]


def test_it_measures_before_the_first_step_and_then_as_often_as_is_asked_for(base: Path, tmp_path: Path) -> None:
    made = watched(base, "align.eval_steps=3")
    made.train(tmp_path)
    n_steps = max(step for _, step in made.logs)
    near_the_end = [n_steps] if n_steps % 3 > 1 else []
    assert list(made.valid) == [*range(0, n_steps + 1, 3), *near_the_end]
    first, last = made.valid[0], made.valid[max(made.valid)]
    assert set(first) == {"loss", "next_item_retrieval", "item_ranking", "interest_classification"}
    assert set(first["next_item_retrieval"]) == {"hr@5", "ndcg@5"}
    assert first["loss"] != last["loss"]


@pytest.mark.parametrize(
    ("every", "expected"), [(1000, [0, 8]), (9, [0, 8]), (5, [0, 5, 8]), (6, [0, 6]), (4, [0, 4, 8])]
)
def test_the_end_is_measured_unless_it_was_just_measured(every: int, expected: list[int]) -> None:
    at: list[int] = []
    speed = Speed(lambda *_: None, {})
    callback = Validation(lambda: {}, every, lambda _, step: at.append(step), speed)
    model = torch.nn.Linear(1, 1)
    arguments = SimpleNamespace(bf16=False)
    for step in range(9):
        state = SimpleNamespace(global_step=step, max_steps=8, is_world_process_zero=True)
        (callback.on_step_end if step else callback.on_train_begin)(arguments, state, None, model=model)
    assert at == expected
    assert model.training


def test_what_is_killed_and_watched_otherwise_resumes(base: Path, tmp_path: Path) -> None:
    interrupted(base, tmp_path, 3, DROPOUT)
    rest = watched(base, "align.eval_steps=2", "align.eval_users=1")
    rest.train(tmp_path)
    assert min(step for values, step in rest.logs if "loss" in values) == 3
    assert min(rest.valid) > 0


def test_the_loss_is_the_mean_over_weights_however_the_rows_are_packed(base: Path) -> None:
    made = lesson(base, "both", None, "align.weights={next_item_retrieval: 5.0}")
    examples, vectors = taught(made.recommender, "valid")
    encoded = list(training_examples(made.explainer, tiny.writer(), examples, made.align, np.random.default_rng(0)))
    packed = [collate(row) for row in packed_rows(encoded, made.align, np.random.default_rng(0))]
    apart = [replace(one, group=-1) for one in encoded]
    short = replace(made.align, row_tokens=max(map(len, apart)))
    rows = [collate([tree]) for row in packed_rows(apart, short, np.random.default_rng(1)) for tree in row]
    assert len(rows) > len(packed)
    assert mean_loss(made.explainer, packed, vectors) == pytest.approx(
        mean_loss(made.explainer, rows, vectors), rel=1e-4
    )


def test_some_users_are_asked_and_the_same_ones_again() -> None:
    examples, _ = taught(tiny.mf())
    few = users_examples(examples, 2, seed=1)
    assert len({example.user_id for example in few}) == 2 and few == users_examples(examples, 2, seed=1)
    assert 0 not in {example.user_id for example in few}
    everyone = {example.user_id for example in examples} - {0}
    assert {example.user_id for example in users_examples(examples, 1000, seed=1)} == everyone


def test_an_explainer_for_rows_of_one_length_gives_its_loss_alone(base: Path) -> None:
    made = watched(base, "align.eval_steps=2")
    examples, vectors = taught(made.recommender, "valid")
    histories = tiny.interactions()
    filled, plain = (
        validation(
            made.explainer, tiny.writer(), examples, vectors, histories, replace(made.align, compile=compiled), 1
        )
        for compiled in (True, False)
    )
    assert filled is not None and plain is not None
    found = filled()
    assert set(found) == {"loss"} and found["loss"] == pytest.approx(plain()["loss"], rel=1e-4)


def test_what_users_have_had_is_no_answer_of_theirs(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = watched(base, "align.eval_steps=2")
    examples, vectors = taught(made.recommender, "valid")
    histories, given = tiny.interactions(), list[Any]()

    def seen(*args: Any) -> Any:
        given.append(args[-1])
        return evaluate(*args)

    monkeypatch.setattr(validation_module, "evaluate", seen)
    measure = validation(made.explainer, tiny.writer(), examples, vectors, histories, made.align, 1)
    assert measure is not None and measure()["loss"] > 0 and given == [histories]


def test_nobody_to_ask_is_nothing_to_measure(base: Path) -> None:
    made = watched(base, "align.eval_steps=2")
    assert validation(made.explainer, tiny.writer(), [], made.vectors, tiny.interactions(), made.align, 1) is None
