from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.explaining.generate import ExplanationGenerator
from recexplainer.explaining.template import TemplateWriter
from recexplainer.stages import align, evaluate_alignment, explain, register
from recexplainer.tracking.prompts import EXPLANATION, text_sha256
from tests import tiny
from tests.stages.test_align import options


def test_all_sources_explain_the_same_cases(base: Path, empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    settings = tiny.settings(f"llm.base={base}")
    run = tiny.RecordedRun()
    tiny.run_stage(explain.run, settings, run, "none")
    aligned = tiny.explainer(base, "both", None, store.read_alignment().user_vectors)
    monkeypatch.setattr(
        "recexplainer.explaining.explain.load_source",
        lambda *_: (aligned, ModelVersion("n", "1", "x")),
    )
    of_both = tiny.RecordedRun()
    tiny.run_stage(explain.run, settings, of_both, "both")
    assert of_both.tags == {"model": "n", "version": "1"} and run.tags == {}
    assert of_both.datasets == run.datasets == [store.ALIGNMENT, store.INTERACTIONS]
    none, both = store.read_explanations("none"), store.read_explanations("both")
    same = ("explanation_id", "user_id", "position", "item_id", "history", "label", "score", "rank", "n_ranked")
    assert [[getattr(row, key) for key in same] for row in none] == [
        [getattr(row, key) for key in same] for row in both
    ]
    assert {row.source for row in none} == {"none"} and {row.source for row in both} == {"both"}
    assert none[0].model is None and both[0].model and both[0].model.version == "1"
    assert run.metrics["n_explanations"] == 4 and 0 <= run.metrics["verdict_agreement"] <= 1
    assert run.artifacts == [store.explanations("none")]
    assert text_sha256(run.prompts[EXPLANATION]) == none[0].request.template_sha256


def test_counterfactuals_are_appended_where_they_are_asked_for(
    base: Path, empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    monkeypatch.setattr(
        TemplateWriter, "append_to", lambda _, records, cases: [replace(r, appended="x") for r in records]
    )
    for chosen, appended in (("none", None), ("append", "x")):
        settings = tiny.settings(f"llm.base={base}", f"explain.counterfactual={chosen}")
        tiny.run_stage(explain.run, settings, tiny.RecordedRun(), "none")
        assert {record.appended for record in store.read_explanations("none")} == {appended}


def test_a_run_that_finished_every_block_explains_none_again(
    base: Path, empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    settings = tiny.settings(f"llm.base={base}", "explain.save_every=3")
    explain.run(settings, tiny.RecordedRun(), "none")  # type: ignore[arg-type]  # killed before it wrote the file
    assert store.explanation_blocks("explain", "none").exists() and not store.explanations("none").exists()
    monkeypatch.setattr(ExplanationGenerator, "explain", None)
    tiny.run_stage(explain.run, settings, tiny.RecordedRun(), "none")
    assert len(store.read_explanations("none")) == 4 and not store.explanation_blocks("explain", "none").exists()


def test_a_template_at_fault_is_said_before_an_llm_is_loaded(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    own = store.EXPLAIN_TEMPLATES / "own.jinja"
    store.write_text(own, "{{ history }} {{ item.prize }} {{ item }}")
    given = ["--source", "none", *options("llm.base=./nothing/here", f"explain.template={own}")]
    assert explain.main(given) == 2
    error = capsys.readouterr().err
    assert f"error: explain.template: {own}: line 1: " in error and "'prize'" in error and error.count("\n") == 1
    assert not Path("results").exists()


@pytest.mark.parametrize("parameter", ["template", "sentences"])
def test_words_that_dvc_does_not_watch_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str], parameter: str
) -> None:
    Path("own.jinja").write_text("{{ history }} {{ item }}")
    assert explain.main(["--source", "template", *options(f"explain.{parameter}=own.jinja")]) == 2
    assert f"error: explain.{parameter}: own.jinja must lie in params/explain_templates" in capsys.readouterr().err


@pytest.mark.slow
def test_what_was_aligned_and_registered_is_what_evaluates_and_explains(base: Path, project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    given = options(f"llm.base={base}")
    assert align.main(["--mode", "both", *given]) == register.main(["--mode", "both", *given]) == 0
    for stage in (evaluate_alignment, explain):
        assert stage.main(["--source", "both", *given]) == 0
    content = store.read_pointer("explainer-both")["content_sha256"]
    for record in store.read_explanations("both"):
        assert record.model == ModelVersion("recexplainer-demo-explainer-both", "1", content)
    assert store.read_json(store.alignment_metrics("both"))["n_examples"]["history_reconstruction"] == 4


@pytest.mark.slow
def test_an_explainer_of_another_recommender_or_catalogue_is_refused(
    base: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    given = options(f"llm.base={base}")
    assert align.main(["--mode", "behaviour", *given]) == register.main(["--mode", "behaviour", *given]) == 0
    asked = ["--source", "behaviour", *given]
    frame = tiny.catalogue().frame
    store.write_catalogue(frame.assign(title=frame["title"].iloc[::-1].tolist()))
    assert explain.main(asked) == evaluate_alignment.main(asked) == 2
    assert "data/prepared/catalogue.parquet: is not what the explainer was aligned to" in capsys.readouterr().err
    store.write_catalogue(frame)
    trained = tiny.mf()
    trained.items.mul_(2)
    trained.save(store.RECOMMENDER)
    assert explain.main(asked) == 2
    assert "models/recommender/weights.safetensors: is not what the explainer" in capsys.readouterr().err
