from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer.alignment import examiner
from recexplainer.alignment.building import build_examples
from recexplainer.alignment.evaluation import evaluate
from recexplainer.alignment.examiner import LlmExaminer
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from recexplainer.llm import decoding
from recexplainer.llm.beams import Beam, Space
from recexplainer.llm.explainer import Explainer, base_explainer
from recexplainer.tasks.known import TASKS
from tests import tiny

SETTINGS = tiny.settings("evaluate_alignment.n_draws=0").evaluate_alignment


@pytest.fixture(scope="module")
def world() -> tuple[list[Example], Any]:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    examples, vectors = build_examples(*given, tiny.settings().build_alignment, seed=1)
    return [example for example in examples if example.split == "test"], vectors


def aligned(base: Path, mode: str, vectors: Any) -> Explainer:
    if mode == "none":
        return base_explainer(tiny.settings(f"llm.base={base}").llm, {"n_categories": 1})
    return tiny.explainer(base, mode, None, vectors)


@pytest.mark.parametrize("mode", ["behaviour", "intention", "both", "none"])
def test_every_mode_has_the_metrics_that_it_can_have(base: Path, world: Any, mode: str) -> None:
    examples, vectors = world
    result = evaluate(aligned(base, mode, vectors), tiny.writer(), examples, SETTINGS, user_vectors=vectors)
    metrics = result.metrics
    json.dumps(metrics, allow_nan=False)
    assert set(metrics["next_item_retrieval"]) == {"hr@5", "ndcg@5", "invalid_rate", "free"}
    assert set(metrics["item_ranking"]) == {"paper_ndcg@5", "ndcg@5", "kendall_tau", "invalid_rate"}
    assert metrics["item_ranking"]["invalid_rate"] == 0.0  # constrained to the candidates
    assert set(metrics["interest_classification"]) == {"accuracy", "auc"}
    assert ("history_reconstruction" in metrics) == (mode in ("intention", "both"))
    assert set(metrics["item_discrimination"]) == {"title_accuracy"}
    counts = metrics["n_examples"]
    n_pairs = sum(example.task == "next_item_retrieval" for example in examples)
    assert counts["next_item_retrieval"] == counts["item_ranking"] == n_pairs == 4
    assert counts["interest_classification"] == 8  # the plain questions; those of explanations are no test
    assert counts["item_discrimination"] == (12 if mode in ("intention", "both") else 12 + 8)
    assert len(result.answers) == sum(counts.values())


def test_an_explainer_that_knows_everything_scores_full_marks(
    base: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, vectors = world
    explainer = aligned(base, "both", vectors)
    titles = tiny.catalogue().titles
    encode, decode = explainer.encoder.answer_ids, explainer.encoder.tokenizer.decode
    asked = {task: [e for e in examples if e.task == task] for task in TASKS}

    def beams(e: Any, prompts: Any, n: int, spaces: list[Space], *_: Any) -> list[list[list[Beam]]]:
        found = [
            [Beam(list(encode(titles[example.answer[0]])), -1.0)]  # type: ignore[index]
            for example in asked["next_item_retrieval"]
        ]
        return [found for _ in spaces]

    def ranked(e: Any, prompts: Any, candidates: list[list[list[int]]], *_: Any) -> list[list[int]]:
        orders = []
        for example, own in zip(asked["item_ranking"], candidates, strict=True):
            assert [decode(tokens) for tokens in own] == [titles[item] for item in example.items]
            orders.append([example.items.index(item) for item in example.answer])  # type: ignore[arg-type]
        return orders

    def generated(e: Any, prompts: list[Any], limit: int, *_: Any) -> list[str]:
        if len(prompts) == len(asked["history_reconstruction"]):
            return [
                "\n".join([titles[item] for item in example.answer] + ["No such title"])  # type: ignore[misc]
                for example in asked["history_reconstruction"]
            ]
        return [f" {title} " for title in titles[1:]]

    plain = [e for e in asked["interest_classification"] if not e.aspect]
    verdicts = np.array([0.5 if example.answer == "Yes" else 0.49 for example in plain])
    monkeypatch.setattr(examiner, "beam_search", beams)
    monkeypatch.setattr(decoding, "list_candidates", ranked)
    monkeypatch.setattr(decoding, "generate", generated)
    monkeypatch.setattr(decoding, "p_yes", lambda *_: verdicts)
    metrics = evaluate(explainer, tiny.writer(), examples, SETTINGS, user_vectors=vectors).metrics
    full = {"hr@5": 1.0, "ndcg@5": 1.0, "invalid_rate": 0.0}
    assert metrics["next_item_retrieval"] == full | {"free": full}
    assert metrics["item_ranking"]["kendall_tau"] == 1.0
    assert metrics["interest_classification"] == {"accuracy": 1.0, "auc": 1.0}
    assert metrics["history_reconstruction"] == {"hcr": 1.0}
    assert metrics["item_discrimination"] == {"title_accuracy": 1.0}


def test_every_metric_has_an_interval_around_it(base: Path, world: Any) -> None:
    examples, vectors = world
    settings = tiny.settings("evaluate_alignment.n_draws=200").evaluate_alignment
    explainer = aligned(base, "both", vectors)
    first, again = (evaluate(explainer, tiny.writer(), examples, settings, 1, vectors) for _ in range(2))
    assert first == again
    plain = evaluate(explainer, tiny.writer(), examples, SETTINGS, user_vectors=vectors).metrics
    tasks = {**first.metrics, "free": first.metrics["next_item_retrieval"].pop("free")}
    expected = {**plain, "free": plain["next_item_retrieval"].pop("free")}
    del tasks["n_examples"]
    for task, figures in tasks.items():
        names = [name for name in figures if not name.endswith("_interval")]
        assert {name: figures[name] for name in names} == expected[task]
        for name in names:
            if name == "invalid_rate" and name + "_interval" not in figures:  # not one free beam ended
                continue
            low, high = figures[f"{name}_interval"]
            assert low - 2e-4 <= figures[name] <= high + 2e-4, (task, name)  # each is rounded by itself


def test_a_free_ranking_names_what_it_likes(base: Path, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    examples, vectors = world
    asked = [example for example in examples if example.task == "item_ranking"][:2]
    titles = tiny.catalogue().titles
    right = "\n".join(titles[item] for item in asked[0].answer)  # type: ignore[arg-type]
    monkeypatch.setattr(decoding, "generate", lambda *_: [right, "No such title\nFox"])
    free = tiny.settings("evaluate_alignment.ranking=free", "evaluate_alignment.n_draws=0").evaluate_alignment
    result = evaluate(aligned(base, "both", vectors), tiny.writer(), asked, free, user_vectors=vectors)
    assert result.metrics["item_ranking"]["invalid_rate"] == 0.5
    assert result.metrics["item_ranking"]["kendall_tau"] == 0.5  # 1 and, for what is no order, 0
    assert [row["answer"] for row in result.answers] == [asked[0].answer, [None, titles.index("Fox")]]


def test_no_title_is_too_long_to_be_retrieved(base: Path, world: Any) -> None:
    """The limit of tokens is of free answers; constrained ones end by themselves."""
    examples, vectors = world
    short = tiny.settings("evaluate_alignment.max_title_tokens=1", "evaluate_alignment.n_beams=12").evaluate_alignment
    asked = [example for example in examples if example.task == "next_item_retrieval"]
    answers = evaluate(aligned(base, "both", vectors), tiny.writer(), asked, short, user_vectors=vectors).answers
    assert asked and all(example.history for example in asked)
    for example, row in zip(asked, answers, strict=True):  # the recommender leaves out the history, too
        assert sorted(row["answer"]) == sorted(set(range(1, 13)) - set(example.history))


@pytest.mark.parametrize("knows", [False, True])
def test_what_a_user_has_had_is_no_answer_be_it_shown_or_not(base: Path, world: Any, knows: bool) -> None:
    examples, vectors = world
    histories = tiny.interactions()
    wide = tiny.settings("evaluate_alignment.n_beams=12").evaluate_alignment
    asked = [replace(e, history=e.history[-2:]) for e in examples if e.task == "next_item_retrieval"]
    known = histories if knows else None
    explainer = aligned(base, "both", vectors)
    answers = evaluate(explainer, tiny.writer(), asked, wide, 0, vectors, known).answers
    for example, row in zip(asked, answers, strict=True):
        whole = set(histories.sequence(example.user_id)[: example.position].tolist())
        left_out = whole if knows else set(example.history)
        assert len(whole) > 2 and sorted(row["answer"]) == sorted(set(range(1, 13)) - left_out)


def test_answers_are_told_with_what_was_expected(base: Path, world: Any) -> None:
    examples, vectors = world
    settings = tiny.settings("evaluate_alignment.tasks=[item_discrimination, item_ranking]").evaluate_alignment
    result = evaluate(aligned(base, "both", vectors), tiny.writer(), examples, settings, user_vectors=vectors)
    assert set(result.metrics) == {"item_discrimination", "item_ranking", "n_examples"}
    titles = [row for row in result.answers if row["task"] == "item_discrimination"]
    assert [row["expected"] for row in titles] == [[item] for item in range(1, 13)]
    assert all({"text", "answer", "items"} <= set(row) for row in titles)
    for row in result.answers:
        if row["task"] == "item_ranking":
            assert sorted(row["answer"]) == sorted(row["items"])


def test_tasks_of_whole_texts_are_measured_when_they_are_named(
    base: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, vectors = world
    named = tiny.settings("evaluate_alignment.tasks=[user_summary, general_dialogue, explanation]").evaluate_alignment
    answers: list[list[str]] = [
        [str(e.answer) for e in examples if e.task == "user_summary"],
        ["hello, I can help"],
        [f"{e.answer}. It is like {tiny.TITLES[e.history[0] - 1]}." for e in examples if e.aspect == "explain"],
    ]
    limits = []
    monkeypatch.setattr(
        decoding, "generate", lambda e, prompts, limit, *_: limits.append(limit) or answers[len(limits) - 1]
    )
    dialogue = Example("general_dialogue", "test", "", turns=[["Hello!", "Hello! How can I help?"]])
    result = evaluate(aligned(base, "both", vectors), tiny.writer(), [*examples, dialogue], named, user_vectors=vectors)
    metrics = {
        task: {name: value for name, value in figures.items() if not name.endswith("_interval")}
        for task, figures in result.metrics.items()
    }
    assert metrics["user_summary"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert metrics["general_dialogue"] == {"rouge_l": 0.6667}
    assert metrics["explanation"] == {"verdict_accuracy": 1.0, "cites_history": 1.0}
    assert metrics["n_examples"]["explanation"] == len(answers[2]) > 0
    encode = tiny.explainer(base, "both").encoder.answer_ids
    assert limits[0] == 1 + max(len(encode(text)) for text in answers[0])


def test_a_task_that_was_never_asked_is_left_out(base: Path, world: Any) -> None:
    examples, vectors = world
    asked = [example for example in examples if example.task == "item_ranking"]
    metrics = evaluate(aligned(base, "both", vectors), tiny.writer(), asked, SETTINGS, user_vectors=vectors).metrics
    assert set(metrics) == {"item_ranking", "n_examples"}


def test_tasks_of_which_nothing_is_asked_are_refused(base: Path, world: Any) -> None:
    settings = tiny.settings("evaluate_alignment.tasks=[general_dialogue]").evaluate_alignment
    with pytest.raises(InputError, match="no test examples of general_dialogue"):
        evaluate(aligned(base, "none", None), tiny.writer(), world[0], settings)


@pytest.mark.parametrize("mode", ["behaviour", "intention"])
def test_verdicts_read_a_history_once(base: Path, world: Any, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    examples, vectors = world
    asked = [e for e in examples if e.task == "interest_classification" and not e.aspect]
    n_histories = len({(example.user_id, example.position) for example in asked})
    assert n_histories < len(asked)
    laid_out: list[list[Any]] = []
    real = decoding.share_prefixes
    monkeypatch.setattr(decoding, "share_prefixes", lambda *given: laid_out.append(real(*given)) or laid_out[-1])
    asker = LlmExaminer(aligned(base, mode, vectors), tiny.writer(), SETTINGS, 0, vectors)
    together = asker.p_yes(asked)
    assert len(laid_out[0]) == n_histories
    assert together == pytest.approx(np.array([asker.p_yes([example])[0] for example in asked]), abs=1e-5)


def test_titles_are_resolved_whole(base: Path) -> None:
    item = LlmExaminer(aligned(base, "none", None), tiny.writer(), SETTINGS, 0, None).item
    assert item(" Rust; Bone; Glory\n") == 3
    assert item("Rust") == 1 and item("rust") is None
    assert item("") is None
