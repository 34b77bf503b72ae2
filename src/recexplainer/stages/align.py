"""Align the base LLM to the recommender in one mode."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from transformers import set_seed

from recexplainer import store
from recexplainer.alignment.rows import packed_rows
from recexplainer.alignment.training import rendered_share, train, training_examples
from recexplainer.alignment.validation import validation
from recexplainer.alignment.warm_start import warm_start
from recexplainer.core.settings import Settings
from recexplainer.data.splits import TRAIN, VALID
from recexplainer.llm.base_model import chosen_base
from recexplainer.llm.explainer import Explainer, new_explainer
from recexplainer.llm.title_trie import title_tokens
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders import load_recommender
from recexplainer.stages import StageRun, Write, stage_main
from recexplainer.tasks import check_tasks
from recexplainer.tracking import registry


def run(settings: Settings, run: StageRun, mode: str) -> Write:
    """Train adapter and connectors on the training users' examples; write and log the explainer."""
    data = store.read_alignment(with_drafts=True)
    taught, user_vectors = data.of_split(TRAIN), data.user_vectors
    run.log_dataset(store.ALIGNMENT, "alignment", "training")
    writer = PromptWriter(store.read_catalogue(), settings.align.n_categories)
    set_seed(settings.run.seed)
    prompts = {
        "n_categories": settings.align.n_categories,
        "max_history": settings.build_alignment.max_history,
        "like_top": settings.build_alignment.like_top,
        "dislike_bottom": settings.build_alignment.dislike_bottom,
        "chat_template": settings.llm.chat_template,
    }
    recommender = load_recommender(store.RECOMMENDER)
    interactions, valid = store.read_interactions(), data.of_split(VALID)
    pairs = {example.vector_row: (example.user_id, example.position) for example in taught if example.vector_row >= 0}
    rows = sorted(pairs)  # of training users: what others' vectors are like is not known yet
    histories = [interactions.history(*pairs[row]) for row in rows]
    base = chosen_base(settings.llm)
    explainer = new_explainer(mode, base, settings.align, recommender, user_vectors[rows], prompts)
    title_tokens(explainer.encoder, writer.catalogue.titles[1:])  # two titles with the same tokens fail at once
    share, checkpoints = rendered_share(settings.align, mode, len(taught)), store.checkpoints_folder(mode)
    drawing, packing = (np.random.default_rng(settings.run.seed) for _ in range(2))
    encoded = training_examples(explainer, writer, taught, settings.align, drawing, share)
    packed = packed_rows(encoded, settings.align, packing, checkpoints, share)  # what cannot be trained fails at once
    measure = validation(explainer, writer, valid, user_vectors, interactions, settings.align, settings.run.seed)
    warmed = warm_start(explainer, writer, user_vectors[rows], histories, settings.align, settings.run.seed)
    report = train(
        explainer, packed, user_vectors, settings.align, settings.run.seed, checkpoints, run.log_metrics, measure
    )
    return partial(_write, settings, run, explainer, {**warmed, **report})


def _write(settings: Settings, run: StageRun, explainer: Explainer, report: dict[str, Any]) -> None:
    mode = explainer.mode
    run.log_metrics(report)
    with store.atomic_path(store.explainer_folder(mode)) as folder:
        explainer.save(folder)
        store.copy_catalogue(folder)
    registry.log_model_folder(store.explainer_folder(mode), f"explainer-{mode}", settings.dataset.name)
    store.remove(store.checkpoints_folder(mode))  # last: if the server fails, the stage resumes from its last step


main = stage_main(
    "align",
    run,
    options=("mode",),
    sections=("llm", *(f"build_alignment.{name}" for name in ("max_history", "like_top", "dislike_bottom"))),
    check=check_tasks,
)
