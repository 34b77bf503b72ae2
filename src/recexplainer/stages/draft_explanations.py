"""Draft explanations of the recommender's decisions about training users with the base LLM."""

from __future__ import annotations

from functools import partial

import numpy as np

from recexplainer import store
from recexplainer.citations.citations import is_grounded
from recexplainer.core.settings import Settings
from recexplainer.data.examples import Example
from recexplainer.data.splits import TRAIN
from recexplainer.explaining.generate import Lengths, draft
from recexplainer.llm.base_model import chosen_base
from recexplainer.llm.explainer import base_explainer
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.stages import StageRun, Write, stage_main
from recexplainer.tasks import explanation


def run(settings: Settings, run: StageRun) -> Write:
    """Write the drafts that speak of nothing but their prompt; what was made up is dropped and counted."""
    chosen = settings.draft_explanations
    taught = store.read_alignment().of_split(TRAIN)
    run.log_dataset(store.ALIGNMENT, "alignment", "drafting")
    asked = explanation.choose(taught, chosen.n_drafts, np.random.default_rng(settings.run.seed))
    catalogue = store.read_catalogue()
    writer = PromptWriter(catalogue, settings.align.n_categories)
    texts: list[str] = []
    if asked:
        base = base_explainer(chosen_base(settings.llm), {"n_categories": settings.align.n_categories})
        questions, cited = zip(*map(explanation.to_draft, asked), strict=True)
        lengths = Lengths(chosen.max_prompt_tokens, chosen.max_new_tokens, chosen.batch_size)
        texts = draft(base, writer, questions, cited, lengths)
    drafts = [
        made
        for made, given in zip(explanation.from_drafts(asked, texts), asked, strict=True)
        if is_grounded(str(made.answer), given.history, catalogue, given.items[0])
    ]
    return partial(_write, run, drafts, {"n_drafts": len(asked), "n_grounded": len(drafts)})


def _write(run: StageRun, drafts: list[Example], counts: dict[str, int]) -> None:
    store.write_drafts(drafts)
    run.log_metrics(counts)
    run.log_artifact(store.EXPLANATION_DRAFTS)


main = stage_main("draft_explanations", run, sections=("llm", "align.n_categories"))
