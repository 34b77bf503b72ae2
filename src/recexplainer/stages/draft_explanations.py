"""Draft explanations of the recommender's decisions about training users with the base LLM."""

from __future__ import annotations

import sys
from functools import partial

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.data.examples import AlignmentData, Example
from recexplainer.data.splits import TRAIN
from recexplainer.explaining.cases import Case, choose_cases
from recexplainer.explaining.defects import dropped_warning
from recexplainer.explaining.generate import Drafted, Lengths, draft
from recexplainer.llm.base_model import chosen_base
from recexplainer.llm.explainer import base_explainer
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders import load_recommender
from recexplainer.recommenders.base import Recommender
from recexplainer.stages import StageRun, Write, stage_main
from recexplainer.tasks import explanation, next_item_retrieval


def run(settings: Settings, run: StageRun) -> Write:
    """Write the drafts that are explanations; the others are dropped and counted."""
    if not settings.draft_explanations.n_drafts:
        return partial(_write, run, [], {"n_drafts": 0, "n_kept": 0})
    taught = store.read_alignment()
    run.log_dataset(store.ALIGNMENT, "alignment", "drafting")
    run.log_dataset(store.INTERACTIONS, "interactions", "drafting")
    recommender = load_recommender(store.RECOMMENDER)
    cases = choose(settings, taught, recommender)
    written = _draft(settings, cases, recommender)
    kept = [(case.example, made.text) for case, made in zip(cases, written, strict=True) if not made.defects]
    drafts = [explanation.from_draft(example, text) for example, text in kept]
    warning = dropped_warning([made.defects for made in written])
    if warning:
        print(f"draft_explanations: {warning}", file=sys.stderr)
    return partial(_write, run, drafts, {"n_drafts": len(cases), "n_kept": len(drafts)})


def choose(settings: Settings, taught: AlignmentData, recommender: Recommender) -> list[Case]:
    """Decisions about training users, drawn as `explain` draws those about test users: it is asked what is taught."""
    pairs = taught.of_split(TRAIN, next_item_retrieval.NAME)
    return choose_cases(
        recommender,
        store.read_interactions(),
        pairs,
        settings.build_alignment,
        settings.draft_explanations.n_drafts,
        settings.explain.top_k,
        settings.run.seed,
    )


def _draft(settings: Settings, cases: list[Case], recommender: Recommender) -> list[Drafted]:
    chosen, n_categories = settings.draft_explanations, settings.align.n_categories
    base = base_explainer(chosen_base(settings.llm), {"n_categories": n_categories})
    writer = PromptWriter(store.read_catalogue(), n_categories)
    lengths = Lengths(chosen.max_prompt_tokens, chosen.max_new_tokens, chosen.batch_size)
    return draft(base, writer, cases, recommender, lengths)


def _write(run: StageRun, drafts: list[Example], counts: dict[str, int]) -> None:
    store.write_drafts(drafts)
    run.log_metrics(counts)
    run.log_artifact(store.EXPLANATION_DRAFTS)


SECTIONS = (
    "llm",
    "align.n_categories",
    "build_alignment.like_top",
    "build_alignment.dislike_bottom",
    "explain.top_k",
)

main = stage_main("draft_explanations", run, sections=SECTIONS)
