"""Measure how well an explainer predicts its recommender, on users held out from alignment."""

from __future__ import annotations

from functools import partial

from recexplainer import store
from recexplainer.alignment.evaluation import Evaluation, evaluate
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.core.settings import Settings
from recexplainer.data.splits import TEST
from recexplainer.explaining.sources import load_source
from recexplainer.llm.base_model import chosen_base
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.stages import Extras, StageRun, Write, stage_main
from recexplainer.tasks import check_tasks
from recexplainer.tracking import registry


def run(settings: Settings, run: StageRun, source: str) -> Write:
    """Pull the registered explainer (or take the base LLM for `none`), ask it the test examples, score its answers."""
    data = store.read_alignment()
    run.log_dataset(store.ALIGNMENT, "alignment", "evaluation")
    explainer, model = load_source(settings, source)
    writer = PromptWriter(store.read_catalogue(), explainer.settings["n_categories"])
    test, seed = data.of_split(TEST), settings.run.seed
    interactions = store.read_interactions()
    evaluation = evaluate(explainer, writer, test, settings.evaluate_alignment, seed, data.user_vectors, interactions)
    base = chosen_base(settings.llm).base
    return partial(_write, run, source, evaluation, model, base)


def _write(run: StageRun, source: str, evaluation: Evaluation, model: ModelVersion | None, base: str) -> None:
    store.write_answers(source, evaluation.answers)
    store.write_json(store.alignment_metrics(source), evaluation.metrics)
    run.set_tags({"base_llm": base})
    run.link_model(model)
    run.log_metrics(evaluation.metrics)
    run.log_artifact(store.alignment_metrics(source))
    if model is not None:
        registry.add_figures(model.name, model.version, evaluation.metrics)


main = stage_main(
    "evaluate_alignment",
    run,
    options=("source",),
    sections=("llm", "registry"),
    check=check_tasks,
    extras=Extras(lists={"tasks": "evaluate_alignment.tasks"}),
)
