from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.explaining.cases import Case
from recexplainer.explaining.generate import Drafted
from recexplainer.stages import align, draft_explanations
from tests import tiny
from tests.stages.test_align import options


def every_second(_base: object, _writer: object, cases: list[Case], *_: object) -> list[Drafted]:
    """Drafts of which every second is an explanation."""
    return [Drafted(f"{case.example.answer}. So it is.", [] if n % 2 else ["cut"]) for n, case in enumerate(cases)]


def test_drafts_that_are_explanations_are_kept_with_the_questions_that_they_answer(
    base: Path, empty_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    monkeypatch.setattr(draft_explanations, "draft", every_second)
    run = tiny.RecordedRun()
    settings = tiny.settings(f"llm.base={base}", "draft_explanations.n_drafts=6")
    tiny.run_stage(draft_explanations.run, settings, run)
    assert run.datasets == [store.ALIGNMENT, store.INTERACTIONS]
    warning = "3 of 6 drafts are not explanations (cut 3) and are not taught; raise draft_explanations.max_new_tokens;"
    assert warning in capsys.readouterr().err
    drafts = store.read_drafts()
    assert run.metrics == {"n_drafts": 6, "n_kept": 3} and len(drafts) == 3
    asked = draft_explanations.choose(settings, store.read_alignment(), tiny.mf())[1::2]
    assert [(d.user_id, d.position, d.items) for d in drafts] == [
        (c.example.user_id, c.example.position, c.example.items) for c in asked
    ]
    assert all(d.split == "train" and d.answer == f"{c.label}. So it is." for d, c in zip(drafts, asked, strict=True))


def test_drafts_are_of_decisions_like_those_that_explain_asks_about(empty_project: Path) -> None:
    """A Yes is one of the best `explain.top_k` items; taught otherwise, a Yes would seldom be like the history."""
    tiny.write_prepared()
    tiny.write_alignment()
    settings = tiny.settings("build_alignment.like_top=0.5", "explain.top_k=1", "draft_explanations.n_drafts=12")
    cases = draft_explanations.choose(settings, store.read_alignment(), tiny.mf())
    liked, disliked = ([case.rank for case in cases if case.label == label] for label in ("Yes", "No"))
    assert liked and set(liked) == {1} and min(disliked) > 1


def test_without_drafts_no_llm_is_loaded(empty_project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    settings = tiny.settings("llm.base=./nothing/here", "draft_explanations.n_drafts=0")
    tiny.run_stage(draft_explanations.run, settings, tiny.RecordedRun())
    assert store.read_drafts() == []


@pytest.mark.slow
def test_a_real_base_drafts_the_same_twice_and_align_reads_it(base: Path, project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    given = options(f"llm.base={base}", "draft_explanations.n_drafts=4")
    assert draft_explanations.main(given) == 0
    first = store.EXPLANATION_DRAFTS.read_bytes()
    assert draft_explanations.main(given) == 0
    assert store.EXPLANATION_DRAFTS.read_bytes() == first
    assert align.main(["--mode", "both", *given]) == 0


def test_drafts_of_another_kind_are_one_clear_line(empty_project: Path) -> None:
    store.write_jsonl(store.EXPLANATION_DRAFTS, [{"task": "t", "split": "train", "answer": "Yes.", "mood": "good"}])
    with pytest.raises(InputError, match="data/drafts.jsonl: is not what draft_explanations writes"):
        store.read_drafts()


def test_without_examples_it_says_which_stage_writes_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draft_explanations.main([]) == 2
    assert "data/alignment/examples.jsonl: no such file; run the stage" in capsys.readouterr().err
