from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer import store
from recexplainer.core.records.explanation import Explanation, ModelVersion
from recexplainer.explaining import generate
from recexplainer.explaining.cases import Case
from recexplainer.explaining.generate import ExplanationGenerator, Lengths, answer, draft
from recexplainer.explaining.guidance import Guidance
from recexplainer.faithfulness.evaluation import evaluate_faithfulness
from recexplainer.judging.rubric import check
from recexplainer.llm import decoding
from recexplainer.llm.guided.draft import Written
from recexplainer.llm.guided.guide import Guide
from recexplainer.prompting.prompts import readable
from recexplainer.prompting.requests import load_request
from recexplainer.tasks.rendering import render
from tests import tiny
from tests.explaining.test_cases import cases_of

USERS = tiny.mf().user_vectors([[1, 2]] * 40)
FREE = Guidance(tiny.catalogue(), "free", False, None)
MODEL = ModelVersion("n", "1", "x")


def generator(
    base: Path, *assignments: str, mode: str = "both", model: ModelVersion | None = MODEL
) -> ExplanationGenerator:
    explainer = tiny.explainer(base, "both", None, USERS)
    settings = tiny.settings(*assignments).explain
    return ExplanationGenerator(explainer, tiny.writer(), load_request(settings), settings, model)


def test_explanations_are_records_that_the_store_reads(base: Path, empty_project: Path) -> None:
    cases = cases_of(4)
    records = generator(base).explain(cases, USERS)
    store.write_explanations("both", records)
    assert store.read_explanations("both") == records
    for case, record in zip(cases, records, strict=True):
        assert record.explanation_id == case.explanation_id
        assert record.verdict == ("Yes" if record.p_yes >= 0.5 else "No")
        assert record.text.startswith(record.verdict)
        assert record.prompt == readable(render(tiny.writer(), case.example, "both")) and record.n_cut == 0
        assert record.model == MODEL and record.base and record.base["name"] == str(base) and record.base["sha256"]
        assert record.request.template is None
    assert {len(record.history) for record in records} <= {1, 2, 3, 4}


def test_a_record_names_what_the_text_cites(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [case] = cases_of(1)
    old, new = case.example.history[0], case.history[-1]
    other = next(item for item in range(4, 13) if item not in case.history and item != case.example.items[0])
    titles = tiny.catalogue().titles
    text = f'Yes. "{titles[new]}", "{titles[old]}", "{titles[new]}" and "{titles[other]}", like "Moon Racer".'
    monkeypatch.setattr(
        "recexplainer.explaining.generate._go_on", lambda *_: [Written(text.removeprefix("Yes"), 0, 0, False)]
    )
    [record] = generator(base).explain([case], USERS)
    assert record.cited_items == [new, old] and record.other_items == [other]
    assert record.invented_titles == ["Moon Racer"] and record.text.endswith(text[3:])


def test_a_text_without_a_reason_is_marked_where_it_had_one_to_give(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Written(" is what the recommender says.", 0, 0, False)
    monkeypatch.setattr("recexplainer.explaining.generate._go_on", lambda *given: [silent] * len(given[1]))
    for supplier, is_marked in (("recommender", True), ("free", False)):
        [record] = generator(base, f"explain.evidence={supplier}").explain(cases_of(1), USERS)
        assert bool(record.evidence and record.evidence.items) == is_marked
        assert ("no_reason" in (record.defects or [])) == is_marked


def test_an_item_older_than_the_shown_history_was_never_shown_for_record_judge_and_faithfulness_alike(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = next(case for case in cases_of(40) if len(case.history) > len(case.example.history))
    old, new = case.history[0], case.history[-1]
    assert old not in case.example.history
    titles = tiny.catalogue().titles
    text = f'Yes. "{titles[old]}" and "{titles[new]}" were liked.'
    monkeypatch.setattr(
        "recexplainer.explaining.generate._go_on", lambda *_: [Written(text.removeprefix("Yes"), 0, 0, False)]
    )
    [record] = generator(base).explain([case], USERS)
    assert [(m.item_id, m.kind) for m in record.citations] == [(old, "catalogue"), (new, "history")]
    assert record.cited_items == [new] and record.other_items == [old]
    judged = check(record, tiny.catalogue())
    assert (judged.cited_titles, judged.unseen_titles) == ([titles[new]], [titles[old]])
    measured, figures = evaluate_faithfulness(
        [replace(record, label="Yes")], [case.history], tiny.catalogue(), tiny.mf(), top_ks=[1], n_random=1, seed=1
    )
    assert measured["cited_items"].tolist() == [[new]] and measured["other_items"].tolist() == [[old]]
    assert measured["cited_positions"].tolist() == [[len(case.history) - 1]] and figures["hallucination_rate"] == 0.5


def test_a_prompt_that_was_cut_is_recorded_as_it_was_read(base: Path) -> None:
    case = next(case for case in cases_of(4) if len(case.example.history) == 4)
    whole = generator(base, "explain.max_new_tokens=2")
    n_tokens = len(whole.explainer.encoder.prompt(render(tiny.writer(), case.example, "both")))
    cut = replace(whole, settings=replace(whole.settings, max_prompt_tokens=n_tokens - 1))
    [before], [after] = whole.explain([case], USERS), cut.explain([case], USERS)
    assert (before.n_cut, after.n_cut) == (0, 1)
    shown = replace(case.example, history=case.example.history[1:])
    assert after.prompt == readable(render(tiny.writer(), shown, "both"))
    assert after.history == before.history and after.prompt_sha256 != before.prompt_sha256


def test_an_undecided_item_has_no_label(base: Path) -> None:
    [case] = cases_of(1)
    [record] = generator(base).explain([replace(case, example=replace(case.example, answer=""))], USERS)
    assert record.label is None and record.verdict in ("Yes", "No")


def test_what_is_asked_for_reaches_the_llm(base: Path) -> None:
    cases = cases_of(2)
    [plain, _], [focused, _] = (generator(base, *a).explain(cases, USERS) for a in ([], ["explain.focus=platform"]))
    assert "Speak above all of: platform." in focused.prompt and focused.request.focus == "platform"
    assert focused.p_yes != plain.p_yes


def explained(base: Path, folder: Path, cases: list[Case], *assignments: str) -> list[Explanation]:
    return generator(base, "explain.save_every=3", *assignments).explain_in_blocks(cases, folder, USERS)


def test_a_killed_run_resumes_where_it_was(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = cases_of(10)
    whole = explained(base, tmp_path / "whole", cases)
    asked: list[str] = []
    explain = ExplanationGenerator.explain

    def until_killed(self: ExplanationGenerator, block: list[Case], *given: Any) -> list[Explanation]:
        if len(asked) == 6:
            raise KeyboardInterrupt
        asked.extend(case.explanation_id for case in block)
        return explain(self, block, *given)

    monkeypatch.setattr(ExplanationGenerator, "explain", until_killed)
    with pytest.raises(KeyboardInterrupt):
        explained(base, tmp_path / "kept", cases)
    [folder] = (tmp_path / "kept").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["000000.jsonl", "000001.jsonl"]
    (folder / "000001.jsonl").write_text('{"explanation_id": "u')  # a machine that went down leaves such
    asked[:] = asked[:3]
    with pytest.raises(KeyboardInterrupt):
        explained(base, tmp_path / "kept", cases)
    assert asked[3:] == [case.explanation_id for case in cases[3:6]]
    asked.clear()
    assert explained(base, tmp_path / "kept", cases) == whole
    assert asked == [case.explanation_id for case in cases[6:]]


def test_another_run_takes_nothing_over(base: Path, tmp_path: Path) -> None:
    cases = cases_of(2)
    for assignments, model in (
        ([], MODEL),
        (["explain.focus=price"], MODEL),
        (["explain.max_new_tokens=3"], MODEL),
        ([], replace(MODEL, sha256="y")),
    ):
        generator(base, *assignments, model=model).explain_in_blocks(cases, tmp_path, USERS)
    generator(base).explain_in_blocks(cases[:1], tmp_path, USERS)
    generator(base, "run.seed=8").explain_in_blocks(cases, tmp_path, USERS)  # the first one's
    assert len(list(tmp_path.iterdir())) == 5


def test_the_text_goes_on_from_the_more_probable_verdict(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = tiny.explainer(base, "both", None, USERS)
    texts = {}
    for p in (0.0, 1.0):
        monkeypatch.setattr(decoding, "p_yes", lambda e, prompts, *_, p=p: np.full(len(prompts), p))
        given = answer(explainer, partial(render, tiny.writer()), cases_of(3), Lengths(400, 4, 2), FREE, USERS)[0]
        assert all(a.verdict == ("Yes" if p else "No") and a.p_yes == p for a in given)
        texts[p] = [a.text[3 if p else 2 :] for a in given]
    assert texts[0.0] != texts[1.0]  # the verdict is read, not only written before


def test_a_draft_explains_the_decision_and_not_the_verdict_of_its_writer(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "p_yes", lambda *_: pytest.fail("asked for a verdict"))
    cases = cases_of(6)
    drafts = draft(tiny.explainer(base, "behaviour"), tiny.writer(), cases, tiny.mf(), Lengths(500, 5, 3))
    assert all(made.text.startswith(str(case.label)) for made, case in zip(drafts, cases, strict=True))


def test_a_draft_is_guided_by_the_recommenders_evidence_and_by_the_facts(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the explainer's own texts are with `explain.evidence: recommender` and `explain.facts: guided`."""
    guides: list[Guide | None] = []
    written = generate.write
    monkeypatch.setattr(
        generate, "write", lambda e, p, b, given, *a: guides.extend(given) or written(e, p, b, given, *a)
    )
    cases = cases_of(6)
    explainer, given = tiny.explainer(base, "behaviour"), (tiny.writer(), cases)
    draft(explainer, *given, tiny.mf(), Lengths(500, 3, 3))
    drafted, guides[:] = list(guides), []
    settings = tiny.settings("explain.evidence=recommender", "explain.facts=guided").explain
    ExplanationGenerator(explainer, tiny.writer(), load_request(settings), settings, None, tiny.mf()).explain(cases)
    assert [(g.cited, g.target, g.history) for g in drafted] == [(g.cited, g.target, g.history) for g in guides]
    assert any(guide.cited for guide in drafted) and all(guide.facts for guide in drafted)


def test_a_draft_says_why_it_is_no_explanation(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = cases_of(4)
    titles = tiny.catalogue().titles
    told = [f'. "{titles[case.example.items[0]]}" is like "{titles[case.example.history[0]]}".' for case in cases]
    told[1] = ". It is. It is. It is. It is."
    monkeypatch.setattr(
        generate, "write", lambda *_: [Written(text, 0, 0, number == 2) for number, text in enumerate(told)]
    )
    found = draft(tiny.explainer(base, "behaviour"), tiny.writer(), cases, tiny.mf(), Lengths(500, 3, 3))
    assert [made.defects for made in found] == [[], ["repeats", "names_nothing", "no_reason"], ["cut"], []]
    assert [made.text for made in found] == [f"{case.label}{text}" for case, text in zip(cases, told, strict=True)]
