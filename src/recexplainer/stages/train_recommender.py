"""Train the recommender to be explained, or open an external one; measure it and two baselines in the same way."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.recommenders.base import check_stored
from recexplainer.recommenders.baselines import ItemKNN
from recexplainer.recommenders.evaluation import evaluate_users, mean_popularity
from recexplainer.recommenders.external import ExternalRecommender
from recexplainer.recommenders.figures import learning_curve, metrics_by_cutoff
from recexplainer.recommenders.ranking import LeaveOneOut, leave_one_out
from recexplainer.recommenders.significance import compare_with
from recexplainer.recommenders.training import FLOORS, refit, train_recommender
from recexplainer.recommenders.tuning import tune_item_knn
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Write the trained recommender with every user's ranks, and the metrics of it and the baselines."""
    interactions = store.read_interactions()
    run.log_dataset(store.INTERACTIONS, "interactions", "training")
    split = leave_one_out(interactions)
    if not len(split.test):
        raise InputError(f"{store.INTERACTIONS}: no user has three items; loosen the filters of prepare")

    kind = settings.recommender.kind
    evaluated = split.with_at_most(settings.train_recommender.max_evaluated_users)
    hyper_parameters = _hyper_parameters(settings, evaluated)
    by_part: dict[str, dict[str, dict[str, float]]] = {}
    ranks = []
    for name in (kind, *FLOORS):
        started = time.perf_counter()
        training = train_recommender(
            name,
            evaluated,
            hyper_parameters.get(name, {}),
            settings.run.seed,
            on_epoch=lambda epoch, values: run.log_metrics(values, step=epoch),
            checkpoints=store.RECOMMENDER_CHECKPOINTS,
        )
        if settings.train_recommender.refit:
            given = hyper_parameters.get(name, {}), settings.run.seed, store.RECOMMENDER_CHECKPOINTS
            training = refit(training, name, split, *given)
        if name == kind:
            chosen, train_seconds = training, time.perf_counter() - started
        of_users, by_part[name] = evaluate_users(training.recommender, evaluated, training.before_refit)
        ranks.append(of_users.assign(recommender=name))

    per_user = pd.concat(ranks, ignore_index=True)
    metrics: dict[str, object] = {
        "kind": kind,
        **by_part,
        "item_knn_settings": hyper_parameters[ItemKNN.kind],
        "versus": compare_with(per_user, kind, FLOORS, np.random.default_rng(settings.run.seed)),
        "target_popularity": mean_popularity(evaluated.test.targets, split.train),
        "train_seconds": round(train_seconds, 1),
        "n_epochs": len(chosen.curve),
        "best_epoch": chosen.best_epoch,
        "n_users": interactions.n_users,
        "n_items": interactions.n_items,
        "n_interactions": len(interactions.item_ids),
        "n_users_evaluated": len(evaluated.test),
        "n_users_too_short": split.n_users_too_short,
    }
    if chosen.report:
        metrics["external_model"] = chosen.report
        print(f"external_model: {json.dumps(chosen.report)}", file=sys.stderr)
        if "warning" in chosen.report:
            print(f"warning: {chosen.report['warning']}", file=sys.stderr)
    with store.atomic_path(store.RECOMMENDER) as folder:
        chosen.recommender.save(folder)
        check_stored(folder, chosen.recommender, split.test.histories[:8])
        store.write_parquet(folder / store.RECOMMENDER_PER_USER.name, per_user)
    store.write_json(store.RECOMMENDER_METRICS, metrics)
    run.log_metrics(metrics)
    run.log_artifact(store.RECOMMENDER_METRICS)
    if chosen.curve:
        run.log_figure(learning_curve(chosen.curve, chosen.best_epoch), "figures/learning_curve.png")
    tested = {name: parts["test"] for name, parts in by_part.items()}
    run.log_figure(metrics_by_cutoff(tested), "figures/metrics_by_cutoff.png")
    store.remove(store.RECOMMENDER_CHECKPOINTS)  # last: what fails before resumes from the last epoch


def _hyper_parameters(settings: Settings, split: LeaveOneOut) -> dict[str, Any]:
    """What each kind is trained with; those of the baseline are chosen here."""
    kind, chosen = settings.recommender.kind, dataclasses.asdict(settings.train_recommender)
    if kind == ExternalRecommender.kind:
        chosen[kind] = {"chosen": settings.train_recommender.external} | store.read_raw_ids()
    elif chosen[kind].get("item_init") == "near":
        chosen[kind]["item_texts"] = store.read_item_texts()
    return chosen | {ItemKNN.kind: tune_item_knn(split, chosen[ItemKNN.kind])}


def _idle(settings: Settings) -> list[str]:
    """The hyper-parameters of the kinds that are not trained."""
    trained = (settings.recommender.kind, ItemKNN.kind, "refit", "max_evaluated_users")
    return [f"train_recommender.{name}" for name in vars(settings.train_recommender) if name not in trained]


main = stage_main("train_recommender", run, sections=("recommender",), idle=_idle)
