from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recexplainer import store
from recexplainer.alignment import decoding
from recexplainer.alignment.building import build_examples
from recexplainer.alignment.examples import Example
from recexplainer.alignment.tasks import next_item_retrieval
from recexplainer.data.interactions import Interactions
from recexplainer.explainer.generate import Case, answer, choose_cases, draft, explain
from recexplainer.settings import Settings
from tests import tiny


def pairs_of(settings: Settings, given: Interactions, users) -> list[Example]:  # type: ignore[no-untyped-def]
    examples, _ = build_examples(given, tiny.catalogue(), users, [], tiny.mf(), settings.build_alignment, seed=1)
    return [e for e in examples if e.split == "test" and e.task == next_item_retrieval.NAME]


def cases_of(n_cases: int, n_users: int = 10) -> list[Case]:
    settings = tiny.settings(f"explain.n_cases={n_cases}")
    given = tiny.interactions(n_users)
    pairs = pairs_of(settings, given, tiny.users(n_users))
    return choose_cases(tiny.mf(), given, pairs, settings.build_alignment, settings.explain, seed=1)


def test_cases_are_the_recommenders_own_decisions() -> None:
    given = tiny.interactions()
    cases = cases_of(8)
    assert [case.example.answer for case in cases[:4]] == ["Yes", "No", "Yes", "No"]
    for case in cases:
        example = case.example
        history = given.sequence(example.user_id)[: example.position].tolist()
        assert tiny.users().set_index("user_id")["split"][example.user_id] == "test"
        [item] = example.items
        assert item not in history and example.history == history[-4:]
        scores = tiny.mf().scores([history])[0].numpy()
        open_items = [i for i in range(1, 13) if i not in history]
        order = sorted(open_items, key=lambda i: -scores[i])
        assert case.score == pytest.approx(float(scores[item]))
        assert (case.rank, case.n_ranked) == (order.index(item) + 1, len(open_items))
        n_liked, n_disliked = max(1, int(0.2 * len(order))), max(1, int(0.5 * len(order)))
        assert item in (order[:n_liked] if example.answer == "Yes" else order[-n_disliked:])


@pytest.mark.parametrize("n_users", [10, 5])
def test_no_decision_is_explained_twice_and_a_pair_is_asked_of_both_kinds(n_users: int) -> None:
    cases = cases_of(60, n_users)
    ids = [case.explanation_id for case in cases]
    assert len(set(ids)) == len(ids) < 60
    answers: dict[tuple[int, int], set[object]] = {}
    for case in cases:
        answers.setdefault((case.example.user_id, case.example.position), set()).add(case.example.answer)
    assert all(kinds == {"Yes", "No"} for kinds in answers.values())
    n_yes = sum(case.example.answer == "Yes" for case in cases[: 2 * len(answers)])
    assert n_yes == len(answers)


def test_the_same_seed_gives_the_same_cases() -> None:
    assert cases_of(8) == cases_of(8)


def test_explanations_are_records_that_the_store_reads(base: Path, empty_project: Path) -> None:
    explainer = tiny.explainer(base, "both", None, tiny.mf().user_vectors([[1, 2]] * 40))
    cases = cases_of(4)
    settings = tiny.settings().explain
    model = {"name": "n", "version": "1", "sha256": "x"}
    records = explain(explainer, tiny.writer(), cases, settings, model)
    store.write_explanations("both", records)
    assert store.read_explanations("both") == records
    for case, record in zip(cases, records, strict=True):
        assert record["explanation_id"] == case.explanation_id
        assert record["verdict"] == ("Yes" if record["p_yes"] >= 0.5 else "No")
        assert record["text"].startswith(record["verdict"])
        assert "<user>" in record["prompt"] and tiny.TITLES[record["item_id"] - 1] in record["prompt"]
    assert {len(record["history"]) for record in records} <= {1, 2, 3, 4}


def test_the_text_goes_on_from_the_more_probable_verdict(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = tiny.explainer(base, "both", None, tiny.mf().user_vectors([[1, 2]] * 40))
    examples = [case.example for case in cases_of(3)]
    texts = {}
    for p in (0.0, 1.0):
        monkeypatch.setattr(decoding, "p_yes", lambda e, prompts, n, p=p: np.full(len(prompts), p))
        given = answer(explainer, tiny.writer(), examples, 400, 4, 2)
        assert all(a.verdict == ("Yes" if p else "No") and a.p_yes == p for a in given)
        texts[p] = [a.text[3 if p else 2 :] for a in given]
    assert texts[0.0] != texts[1.0]  # the verdict is read, not only written before


def test_a_draft_goes_on_from_the_verdict_that_is_given(base: Path) -> None:
    explainer = tiny.explainer(base, "behaviour")
    examples = [case.example for case in cases_of(6)]
    texts = draft(explainer, tiny.writer(), examples, 500, 5, 3)
    for text, example in zip(texts, examples, strict=True):
        assert text.startswith(str(example.answer))
    given = answer(explainer, tiny.writer(), examples, 500, 5, 3)
    same = [a.text for a, e in zip(given, examples, strict=True) if a.verdict == e.answer]
    assert same == [t for t, a, e in zip(texts, given, examples, strict=True) if a.verdict == e.answer]
