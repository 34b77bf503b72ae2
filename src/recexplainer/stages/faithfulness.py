"""Measure how much of each decision depends on the items that its explanation cites."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.faithfulness.causes import known_causes
from recexplainer.faithfulness.evaluation import evaluate_faithfulness, whole_histories
from recexplainer.recommenders import load_recommender
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun, source: str) -> None:
    """Read one source's explanations and the recommender; write rows and
    ``metrics/faithfulness_<source>.json``.
    """
    records = store.read_explanations(source)
    interactions = store.read_interactions()
    histories = whole_histories(records, interactions)
    causes = store.read_causes(settings.dataset.raw)
    frame, figures = evaluate_faithfulness(
        records,
        histories,
        store.read_catalogue(),
        load_recommender(store.RECOMMENDER),
        top_ks=settings.faithfulness.top_ks,
        n_random=settings.faithfulness.n_random,
        seed=settings.run.seed,
        causes=None if causes is None else known_causes(causes, records, interactions, **store.read_raw_ids()),
    )
    store.write_parquet(store.faithfulness_rows(source), frame)
    store.write_json(store.faithfulness_metrics(source), figures)
    run.log_dataset(store.explanations(source), f"explanations-{source}", "evaluation")
    run.log_metrics(figures)
    run.log_artifact(store.faithfulness_metrics(source))


main = stage_main("faithfulness", run, options=("source",), sections=("dataset.raw",))
