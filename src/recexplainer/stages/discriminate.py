"""Train and evaluate the source classifier and the score predictors on all explanations."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.discriminators.evaluation import train_discriminators
from recexplainer.stages import StageRun, stage_main
from recexplainer.tracking.naming import renamed


def run(settings: Settings, run: StageRun) -> None:
    """Read every source's explanations; write the models and ``metrics/discriminators.json``."""
    explanations = {source: store.read_explanations(source) for source in settings.explain.sources}
    for source in explanations:
        run.log_dataset(store.explanations(source), f"explanations-{source}", "training")
    chosen = settings.discriminate
    encoder = None if chosen.encoder.base is None else chosen.encoder
    metrics, models = train_discriminators(
        explanations, chosen.test_fraction, chosen.max_features, settings.run.seed, encoder
    )
    with store.atomic_path(store.DISCRIMINATORS) as folder:
        for role, model in models.items():
            model.save(folder / role)
    store.write_json(store.DISCRIMINATORS_METRICS, metrics)
    run.log_metrics(renamed(metrics, {"mean": "always_the_mean"}))  # the floor of the score predictors
    run.log_artifact(store.DISCRIMINATORS_METRICS)


main = stage_main("discriminate", run, sections=("explain.sources",))
