"""Train the recommender that will be explained, and measure it beside two floors on the same items."""

from __future__ import annotations

import dataclasses
import sys
import time

import pandas as pd

from recexplainer import store
from recexplainer.errors import InputError
from recexplainer.recommenders.ranking import leave_one_out, metrics_by_part, rank_users
from recexplainer.recommenders.training import FLOORS, train_recommender
from recexplainer.settings import Settings
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Write the trained recommender with every user's ranks, and the metrics of it and the floors."""
    interactions = store.read_interactions()
    run.log_dataset(store.INTERACTIONS, "interactions", "training")
    split = leave_one_out(interactions)
    if not len(split.test):
        raise InputError(f"{store.INTERACTIONS}: no user has three items; loosen the filters of prepare")

    kind = settings.recommender.kind
    hyper_parameters = dataclasses.asdict(settings.train_recommender)
    metrics: dict[str, object] = {"kind": kind}
    ranks = []
    for name in (kind, *FLOORS):
        started = time.perf_counter()
        training = train_recommender(
            name,
            split,
            hyper_parameters.get(name, {}),
            settings.run.seed,
            on_epoch=lambda epoch, values: run.log_metrics(values, step=epoch),
        )
        if name == kind:
            chosen, train_seconds = training, time.perf_counter() - started
        of_users = rank_users(training.recommender, split)
        ranks.append(of_users.assign(recommender=name))
        metrics[name] = metrics_by_part(of_users)

    metrics |= {
        "train_seconds": round(train_seconds, 1),
        "n_epochs": len(chosen.curve),
        "best_epoch": chosen.best_epoch,
        "n_users": interactions.n_users,
        "n_items": interactions.n_items,
        "n_interactions": len(interactions.item_ids),
        "n_users_evaluated": len(split.test),
        "n_users_too_short": split.n_users_too_short,
    }
    with store.atomic_path(store.RECOMMENDER) as folder:
        chosen.recommender.save(folder)
        store.write_parquet(folder / store.RECOMMENDER_PER_USER.name, pd.concat(ranks, ignore_index=True))
    store.write_json(store.RECOMMENDER_METRICS, metrics)
    run.log_metrics(metrics)
    run.log_artifact(store.RECOMMENDER_METRICS)


main = stage_main("train_recommender", run, sections=("recommender",))

if __name__ == "__main__":
    sys.exit(main())
