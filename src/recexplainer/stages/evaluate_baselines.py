"""Measure the baselines on the explainers' questions: chance, popularity, a distilled student, in-context LLMs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from recexplainer import store
from recexplainer.alignment.baselines import (
    STUDENT_READS,
    best_items,
    evaluate_chance,
    evaluate_recommender,
    pairs_of,
    train_popularity,
    train_student,
)
from recexplainer.core.settings import Settings
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.data.splits import TEST, TRAIN
from recexplainer.recommenders import load_recommender
from recexplainer.recommenders.base import Recommender
from recexplainer.stages import StageRun, stage_main
from recexplainer.tasks.interest_classification import boundary


def run(settings: Settings, run: StageRun) -> None:
    """Train the student on the explainers' own training pairs; write the baselines' alignment metrics."""
    data = store.read_alignment()
    run.log_dataset(store.ALIGNMENT, "alignment", "evaluation")
    taught, test = data.of_split(TRAIN), data.of_split(TEST)
    interactions = store.read_interactions()
    teacher = load_recommender(store.RECOMMENDER)
    student = train_student(
        teacher,
        interactions,
        pairs_of(taught),
        dataclasses.asdict(settings.train_recommender.sasrec),
        settings.run.seed,
        settings.evaluate_baselines.student_epochs,
    )
    yes_until = boundary(settings.build_alignment.like_top, settings.build_alignment.dislike_bottom)
    metrics = {
        "random": evaluate_chance(interactions, test, np.random.default_rng(settings.run.seed), yes_until),
        "popularity": evaluate_recommender(train_popularity(interactions), interactions, test, yes_until),
        "student": evaluate_recommender(student, interactions, test, yes_until),
    }
    if settings.evaluate_baselines.in_context.answerers:
        metrics |= _evaluate_in_context(settings, run, taught, test, teacher, interactions)
    store.write_json(store.ALIGNMENT_BASELINES_METRICS, metrics)
    run.log_metrics(metrics)
    run.log_artifact(store.ALIGNMENT_BASELINES_METRICS)


def _evaluate_in_context(
    settings: Settings,
    run: StageRun,
    taught: Sequence[Example],
    test: Sequence[Example],
    teacher: Recommender,
    interactions: Interactions,
) -> dict[str, Any]:
    """The rows `none_in_context` and `api_in_context`: both see and are asked the same."""
    from recexplainer.alignment import api_baseline, in_context
    from recexplainer.llm.base_model import chosen_base
    from recexplainer.llm.explainer import base_explainer
    from recexplainer.prompting.prompts import PromptWriter

    chosen = settings.evaluate_baselines.in_context
    rng = np.random.default_rng(settings.run.seed)
    shown = in_context.choose_shown(taught, chosen.n_shown, rng)
    questions = in_context.choose_questions(test, chosen.n_questions, rng)
    writer = PromptWriter(store.read_catalogue(), settings.align.n_categories)
    metrics = {}
    if "none" in chosen.answerers:
        base = base_explainer(chosen_base(settings.llm), {"n_categories": settings.align.n_categories})
        measured = in_context.evaluate_in_context(
            base, writer, shown, questions, settings.evaluate_alignment, settings.run.seed, interactions
        )
        metrics["none_in_context"] = measured
    if "api" in chosen.answerers:
        from recexplainer.api.cache import AnswerCache
        from recexplainer.api.request import ApiSettings

        server = ApiSettings(chosen, settings.run.seed)
        solved = [example for of_task in shown.values() for example in of_task]
        best = best_items(teacher, interactions, solved, api_baseline.N_TITLES)
        with AnswerCache(store.IN_CONTEXT_CACHE) as cache:
            measured, found = api_baseline.evaluate_by_api(writer, shown, questions, best, server, cache)
        metrics["api_in_context"] = measured
        run.log_metrics({"api": found.costs()})
    return metrics


_OF_THE_BASE_LLM = ("evaluate_alignment", "llm")


def _idle(settings: Settings) -> tuple[str, ...]:
    answerers = settings.evaluate_baselines.in_context.answerers
    unread = () if "none" in answerers else _OF_THE_BASE_LLM
    return (*unread, "evaluate_alignment.sources", *(() if answerers else ("align",)))


main = stage_main(
    "evaluate_baselines",
    run,
    sections=(
        *(f"train_recommender.sasrec.{name}" for name in STUDENT_READS),
        "build_alignment.like_top",
        "build_alignment.dislike_bottom",
        *_OF_THE_BASE_LLM,
        "align.n_categories",
    ),
    idle=_idle,
)
