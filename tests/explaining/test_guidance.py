from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer.core.errors import InputError
from recexplainer.evidence.evidence import find_evidence
from recexplainer.evidence.perturbation import Decision
from recexplainer.explaining.prompts import ask
from recexplainer.explaining.self_deletion import find_own_evidence
from recexplainer.llm import decoding
from recexplainer.tasks.rendering import render
from tests import tiny
from tests.explaining.test_cases import cases_of
from tests.explaining.test_generate import USERS, generator

WORDS = partial(render, tiny.writer())


def test_the_recommenders_evidence_is_recorded_and_guides_the_text(base: Path) -> None:
    cases = cases_of(6)
    records = generator(base, "explain.max_new_tokens=30").explain(cases, USERS)
    decisions = [Decision(c.history, c.example.items[0], len(c.example.history), c.label or "Yes") for c in cases]
    assert [record.evidence for record in records] == find_evidence(tiny.mf(), decisions, "shift")
    for record in records:
        assert record.guided is not None and record.evidence is not None
        assert record.cited_items == record.evidence.items[: len(record.cited_items)]


def test_free_texts_have_neither(base: Path) -> None:
    [record] = generator(base, "explain.evidence=free", "explain.facts=free").explain(cases_of(1), USERS)
    assert record.evidence is None and record.guided is None


def test_evidence_and_facts_are_chosen_apart(base: Path) -> None:
    [record] = generator(base, "explain.evidence=free", "explain.facts=guided").explain(cases_of(1), USERS)
    assert record.evidence is None and record.guided is not None
    with pytest.raises(InputError, match=r"explain\.evidence"):
        tiny.settings("explain.evidence=nobody")
    with pytest.raises(InputError, match=r"explain\.facts"):
        tiny.settings("explain.facts=true")


def test_another_supplier_or_guide_takes_no_finished_block_over(base: Path, tmp_path: Path) -> None:
    for assignment in ("explain.evidence=free", "explain.facts=free", "explain.evidence=self"):
        generator(base, assignment).explain_in_blocks(cases_of(1), tmp_path, USERS)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("mode", ["behaviour", "both"])
def test_several_items_for_one_history_read_it_once(base: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [case] = [case for case in cases_of(20) if len(case.example.history) == 4][:1]
    examples = [replace(case.example, items=[item]) for item in (1, 2, 3, 4)]
    explainer = tiny.explainer(base, mode, tiny.mf(), USERS)
    trees: list[Any] = []
    real = decoding.share_prefixes
    monkeypatch.setattr(decoding, "share_prefixes", lambda *given: trees.extend(real(*given)) or trees)
    asked = ask(explainer, WORDS, examples, 1000, 4, USERS)
    assert len(trees) == 1 and len(trees[0]) < sum(map(len, asked.prompts)) / 2
    assert all(prompt.group == -1 for prompt in asked.prompts)  # what is written behind them is laid out otherwise


@pytest.mark.parametrize("mode", ["behaviour", "both"])
def test_self_deletion_is_asking_again_without_each_item(base: Path, mode: str) -> None:
    recommender = tiny.mf()
    cases = [case for case in cases_of(20) if len(case.example.history) == 4][:12]
    vectors = recommender.user_vectors([case.history for case in cases])
    cases = [replace(case, example=replace(case.example, vector_row=row)) for row, case in enumerate(cases)]
    explainer = tiny.explainer(base, mode, recommender, USERS)
    asked = ask(explainer, WORDS, [case.example for case in cases], 400, 4, vectors)
    histories, labels = [case.history for case in cases], [case.label or "Yes" for case in cases]
    found = find_own_evidence(explainer, WORDS, asked, histories, labels, recommender)
    for row, case in enumerate(cases):
        lost = {}
        for item in set(case.example.history):
            left = replace(case.example, history=[i for i in case.example.history if i != item], vector_row=0)
            rest = [i for i in case.history if i != item]
            vector = recommender.user_vectors([rest])
            [p] = decoding.p_yes(explainer, [explainer.encoder.prompt(WORDS(left, explainer.form))], 400, vector)
            odds = np.log(asked.p_yes[row] / (1 - asked.p_yes[row])) - np.log(p / (1 - p))
            lost[item] = odds if labels[row] == "Yes" else -odds
        best = [item for item in sorted(lost, key=lambda item: -lost[item]) if lost[item] >= 0.1][:3]
        assert found[row].items == best and found[row].supplier == "self"
        assert np.allclose(found[row].strengths, [lost[item] for item in best], atol=1e-3)
    assert any(evidence.items for evidence in found) or mode == "both"
