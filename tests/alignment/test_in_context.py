from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recexplainer.alignment import in_context
from recexplainer.alignment.building import build_examples
from recexplainer.alignment.evaluation import evaluate
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from recexplainer.llm.explainer import Explainer, base_explainer
from recexplainer.tasks.known import PREDICTIONS
from tests import tiny

SETTINGS = tiny.settings("evaluate_alignment.n_draws=0").evaluate_alignment


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), [], tiny.mf())
    return list(build_examples(*given, tiny.settings().build_alignment, seed=1)[0])


@pytest.fixture
def taught(examples: list[Example]) -> list[Example]:
    return [example for example in examples if example.split == "train"]


@pytest.fixture
def held_out(examples: list[Example]) -> list[Example]:
    return [example for example in examples if example.split == "test"]


@pytest.fixture
def explainer(base: Path) -> Explainer:
    return base_explainer(tiny.settings(f"llm.base={base}").llm, {"n_categories": 1})


def test_different_training_users_are_shown_and_yes_and_no_in_turn(taught: list[Example]) -> None:
    shown = in_context.choose_shown(taught, 4, np.random.default_rng(0))
    assert list(shown) == ["next_item_retrieval", "item_ranking", "interest_classification"]
    for task, solved in shown.items():
        assert len({example.user_id for example in solved}) == len(solved) == 4
        assert {(e.task, e.split, e.aspect) for e in solved} == {(task, "train", "")}
    verdicts = [example.answer for example in shown["interest_classification"]]
    assert verdicts in (["Yes", "No"] * 2, ["No", "Yes"] * 2)
    assert shown == in_context.choose_shown(taught, 4, np.random.default_rng(0))
    assert all(len(few) == 6 for few in in_context.choose_shown(taught, 99, np.random.default_rng(0)).values())


def test_test_users_are_asked_in_plain_words(held_out: list[Example]) -> None:
    asked = in_context.choose_questions(held_out, 3, np.random.default_rng(0))
    assert [len(questions) for questions in asked.values()] == [3, 3, 3]
    whole = in_context.choose_questions(held_out, None, np.random.default_rng(0))
    assert [len(questions) for questions in whole.values()] == [4, 4, 8]
    assert all(e.split == "test" and not e.aspect for questions in whole.values() for e in questions)


def test_the_solved_questions_stand_before_each_and_change_the_answers(
    explainer: Explainer, taught: list[Example], held_out: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = tiny.writer()
    rng = np.random.default_rng(0)
    shown, asked = (
        in_context.choose_shown(taught, 2, rng),
        in_context.choose_questions(held_out, 2, rng),
    )
    prompts: list[str] = []
    histories = tiny.interactions()

    def watched(now: Explainer, *given: object) -> object:
        assert given[-1] is histories
        prompt = now.encoder.prompt(["And now?"]).input_ids
        prompts.append(now.encoder.tokenizer.decode(prompt))
        return evaluate(now, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(in_context, "evaluate", watched)
    alone = explainer.encoder
    metrics = in_context.evaluate_in_context(explainer, writer, shown, asked, SETTINGS, interactions=histories)
    assert explainer.encoder is alone
    for prompt, solved in zip(prompts, shown.values(), strict=True):
        turns = [in_context.question_text(writer, e) + "<|end|><|assistant|>" for e in solved]
        assert prompt.startswith("<|user|>" + turns[0]) and f"<|end|><|user|>{turns[1]}" in prompt
        assert prompt.endswith("<|end|><|user|>And now?<|end|><|assistant|>")
    assert f"<|assistant|>{shown['interest_classification'][0].answer}<|end|><|user|>" in prompts[2]
    assert set(metrics) == {"next_item_retrieval", "item_ranking", "interest_classification", "n_examples"}
    assert metrics["n_examples"] == {task: 2 for task in PREDICTIONS}
    assert set(metrics["next_item_retrieval"]) >= {"hr@5", "ndcg@5", "invalid_rate", "free"}


def test_a_question_keeps_its_history_behind_the_solved_ones(
    explainer: Explainer, taught: list[Example], held_out: list[Example]
) -> None:
    """The limit of a prompt's tokens is the question's."""
    writer, rng = tiny.writer(), np.random.default_rng(0)
    shown, asked = (
        in_context.choose_shown(taught, 3, rng),
        in_context.choose_questions(held_out, None, rng),
    )
    tight = tiny.settings("evaluate_alignment.max_prompt_tokens=200", "evaluate_alignment.row_tokens=100")
    wide = tiny.settings("evaluate_alignment.max_prompt_tokens=1900")
    found = [
        in_context.evaluate_in_context(explainer, writer, shown, asked, s.evaluate_alignment) for s in (tight, wide)
    ]
    assert found[0] == found[1]


def test_a_context_that_is_too_short_is_one_clear_line(
    explainer: Explainer, taught: list[Example], held_out: list[Example]
) -> None:
    writer, rng = tiny.writer(), np.random.default_rng(0)
    shown, asked = (
        in_context.choose_shown(taught, 3, rng),
        in_context.choose_questions(held_out, 1, rng),
    )
    explainer.llm.config.max_position_embeddings = 150
    alone = explainer.encoder
    with pytest.raises(InputError, match=r"with \d+ tokens of solved questions before it, a prompt of task next_item_"):
        in_context.evaluate_in_context(explainer, writer, shown, asked, SETTINGS)
    assert explainer.encoder is alone
