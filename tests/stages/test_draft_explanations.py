from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from recexplainer.stages import align, draft_explanations
from tests import tiny
from tests.stages.test_align import options


def invent(_base: object, _writer: object, asked: list[Example], *_: object) -> list[str]:
    """Drafts of which every second names a title that no prompt holds."""
    titles = tiny.catalogue().titles
    return [
        f'{example.answer}. It is like "{titles[example.history[0]] if number % 2 else "Moon Racer"}".'
        for number, example in enumerate(asked)
    ]


def test_only_drafts_that_speak_of_their_prompt_are_kept(
    base: Path, empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    monkeypatch.setattr(draft_explanations, "draft", invent)
    run = tiny.RecordedRun()
    settings = tiny.settings(f"llm.base={base}", "draft_explanations.n_drafts=6")
    tiny.run_stage(draft_explanations.run, settings, run)
    assert run.datasets == [store.ALIGNMENT]
    drafts = store.read_drafts()
    assert run.metrics == {"n_drafts": 6, "n_grounded": 3} and len(drafts) == 3
    assert all(draft.split == "train" and "Moon Racer" not in draft.answer for draft in drafts)
    assert all(str(draft.answer).startswith(("Yes.", "No.")) for draft in drafts)


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
