from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.core.records.evidence import Evidence
from recexplainer.core.records.explanation import Explanation
from recexplainer.evidence.evidence import MAX_ITEMS
from recexplainer.explaining.own_answers import ask_for_evidence
from recexplainer.llm import naming
from tests import tiny
from tests.explaining.test_cases import cases_of
from tests.explaining.test_generate import USERS, generator


def own(base: Path, n: int, *assignments: str) -> list[Explanation]:
    return generator(base, "explain.evidence=own", "align.mixture.evidence=1", *assignments).explain(cases_of(n), USERS)


def test_the_explainers_own_answer_is_recorded_and_guides_the_text(base: Path) -> None:
    records = own(base, 12, "explain.max_new_tokens=60")
    for record in records:
        assert record.evidence is not None and record.evidence.supplier == "own"
        assert record.evidence.strengths == [] and len(record.evidence.items) <= MAX_ITEMS
        assert set(record.evidence.items) <= set(record.history)
        assert record.cited_items == record.evidence.items[: len(record.cited_items)]
    assert len({tuple(record.evidence.items) for record in records if record.evidence}) > 1


def test_each_decision_is_asked_about_in_its_own_words(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    named = naming.list_candidates
    monkeypatch.setattr(
        naming, "list_candidates", lambda e, prompts, *a, **k: asked.extend(prompts) or named(e, prompts, *a, **k)
    )
    cases = cases_of(6)
    own(base, 6)
    decode = tiny.explainer(base, "both", None, USERS).encoder.tokenizer.decode
    for case, prompt in zip(cases, asked, strict=True):
        words = "speak for this item" if case.label == "Yes" else "speak against this item"
        assert words in decode(prompt.input_ids)


def test_an_answer_does_not_depend_on_the_batch_and_may_be_that_no_item_does(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explainer = tiny.explainer(base, "both", None, USERS)
    examples = [case.example for case in cases_of(6)]
    answers = [ask_for_evidence(explainer, tiny.writer(), examples, ["Yes"] * 6, 500, size, USERS) for size in (1, 4)]
    assert answers[0] == answers[1]
    monkeypatch.setattr(naming, "list_candidates", lambda *_, **__: [[]] * 6)
    nothing = ask_for_evidence(explainer, tiny.writer(), examples, ["No"] * 6, 500, 4, USERS)
    assert nothing == [Evidence([], [], "shift", "own")] * 6
