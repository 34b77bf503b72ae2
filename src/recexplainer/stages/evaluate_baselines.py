"""Measure chance, popularity and a distilled student on the questions that the explainers are asked."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np

from recexplainer import store
from recexplainer.alignment.baselines import (
    evaluate_chance,
    evaluate_recommender,
    pair_rows,
    train_popularity,
    train_student,
)
from recexplainer.recommenders import load_recommender
from recexplainer.settings import Settings
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Train the student on the explainers' own training pairs; write the baselines' alignment metrics."""
    examples, _ = store.read_alignment()
    interactions = store.read_interactions()
    asked = [example for example in examples if example.user_id]
    test = [example for example in asked if example.split == "test"]
    taught = [example for example in asked if example.split == "train"]
    student = train_student(
        load_recommender(store.RECOMMENDER),
        interactions,
        list(pair_rows(taught)),
        dataclasses.asdict(settings.train_recommender.sasrec),
        settings.run.seed,
        settings.evaluate_alignment.student_epochs,
    )
    metrics = {
        "random": evaluate_chance(test, interactions.n_items, np.random.default_rng(settings.run.seed)),
        "popularity": evaluate_recommender(train_popularity(interactions), interactions, test),
        "student": evaluate_recommender(student, interactions, test),
    }
    store.write_json(store.ALIGNMENT_BASELINES_METRICS, metrics)
    run.log_metrics(metrics)
    run.log_artifact(store.ALIGNMENT_BASELINES_METRICS)


main = stage_main("evaluate_baselines", run, sections=("evaluate_alignment", "train_recommender"))

if __name__ == "__main__":
    sys.exit(main())
