from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import registry, store, tracking
from recexplainer.contents import content_sha256
from recexplainer.explainer.model import load_explainer
from recexplainer.recommenders.floors import Popularity
from recexplainer.stages import align
from tests import tiny

SHORT = ("align.epochs={behaviour: 0.05, intention: 0.05, both: 0.05}", "align.save_steps=1")


def options(*assignments: str) -> list[str]:
    return [part for assignment in (*tiny.SMALL, *SHORT, *assignments) for part in ("-S", assignment)]


@pytest.mark.slow
def test_it_writes_an_explainer_and_logs_it_with_its_curves(base: Path, project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    for _ in range(2):
        assert align.main(["--mode", "both", *options(f"llm.base={base}")]) == 0
    folder = store.explainer_folder("both")
    explainer = load_explainer(folder)
    assert explainer.mode == "both" and (folder / store.CATALOGUE.name).exists()
    assert not store.checkpoints_folder("both").exists()
    second, first = tracking.connect().search_runs([tracking.experiment_id(tracking.connect(), "demo")])
    assert second.data.metrics["loss"] == first.data.metrics["loss"] > 0
    assert second.data.metrics["n_examples"] > 50 and second.data.params["align.lora.r"] == "2"
    assert [dataset.dataset.name for dataset in second.inputs.dataset_inputs] == ["alignment"]
    [model] = second.outputs.model_outputs
    logged = tracking.connect().get_logged_model(model.model_id)
    assert logged.tags[registry.CONTENT_TAG] == content_sha256(folder)
    models = [tracking.connect().get_logged_model(run.outputs.model_outputs[0].model_id) for run in (first, second)]
    assert models[0].tags[registry.CONTENT_TAG] == models[1].tags[registry.CONTENT_TAG]  # the same bytes twice


@pytest.mark.parametrize(
    ("mode", "assignment", "message"),
    [
        ("none", "run.seed=7", "`none` is the base itself"),
        ("both", "llm.base=./nothing/here", "llm.base: ./nothing/here is no folder"),
        ("both", "align.row_tokens=20", "more than the 20 allowed: raise align.row_tokens"),
        ("intention", "run.seed=7", "mode intention needs vectors, and the recommender popularity only gives scores"),
    ],
)
def test_what_cannot_be_aligned_is_one_clear_line_and_writes_nothing(
    base: Path, project: Path, capsys: pytest.CaptureFixture[str], mode: str, assignment: str, message: str
) -> None:
    tiny.write_prepared(Popularity(tiny.N_ITEMS) if mode == "intention" else None)
    tiny.write_alignment()
    assert align.main(["--mode", mode, *options(f"llm.base={base}", assignment)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and message in error
    assert not Path("models").joinpath(f"explainer-{mode}").exists()


def test_without_examples_it_says_which_stage_writes_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert align.main(["--mode", "both"]) == 2
    assert "data/alignment/examples.jsonl: no such file; run the stage" in capsys.readouterr().err
