"""A source explains cases: from the parameters and the registered model to records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from recexplainer import store
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.settings import Settings
from recexplainer.explaining import template
from recexplainer.explaining.cases import Case
from recexplainer.explaining.defects import defect_warning
from recexplainer.explaining.generate import ExplanationGenerator
from recexplainer.explaining.sources import load_source
from recexplainer.prompting.prompts import PromptWriter, form_of
from recexplainer.prompting.requests import load_request
from recexplainer.recommenders.base import Recommender
from recexplainer.tracking.prompts import EXPLANATION
from recexplainer.tracking.runs import StageRun


def explain_cases(
    settings: Settings,
    run: StageRun,
    source: str,
    cases: Sequence[Case],
    recommender: Recommender,
    user_vectors: Tensor | None,
    kept: Path,
) -> list[Explanation]:
    """The explanations of all cases, in their order.

    Args:
        settings: What is asked for, and how long it may be.
        run: Gets the figures.
        source: Who explains.
        cases: The decisions.
        recommender: Who decided.
        user_vectors: (n, dim) what the cases' `vector_row` points into; None for a source that reads text alone.
        kept: Where finished blocks are kept until all are done.

    Raises:
        InputError: The template is at fault (said before an LLM is loaded), or the source cannot be loaded.
    """
    chosen, catalogue = settings.explain, store.read_catalogue()
    request = load_request(chosen)
    request.content(PromptWriter(catalogue, n_categories=0), cases[0].example, form_of(source))
    own_words = template.load_template(settings, recommender, request, catalogue)
    if source == template.SOURCE:
        records = own_words.explain(cases)
    else:
        explainer, model = load_source(settings, source)
        run.link_model(model)
        run.log_prompt(EXPLANATION, request.text, "The Jinja template that asks for an explanation")
        writer = PromptWriter(catalogue, explainer.settings["n_categories"])
        generator = ExplanationGenerator(explainer, writer, request, chosen, model, recommender)
        records = generator.explain_in_blocks(cases, kept, user_vectors)
        if chosen.counterfactual == "append":
            records = own_words.append_to(records, cases)
    run.log_metrics(_figures(records))
    warning = defect_warning([record.defects or [] for record in records])
    if warning:
        print(f"explain {source}: {warning}", file=sys.stderr)
    return records


def _figures(records: Sequence[Explanation]) -> dict[str, float]:
    decided = [record for record in records if record.label is not None]
    figures: dict[str, float] = {
        "n_explanations": len(records),
        "n_citing": sum(bool(record.cited_items) for record in records),
        "n_cut_prompts": sum(record.n_cut > 0 for record in records),
        "n_defective": sum(record.defects is not None for record in records),
        "n_guided_titles": sum(record.guided.n_titles for record in records if record.guided),
        "n_guided_facts": sum(record.guided.n_facts for record in records if record.guided),
    }
    if decided:
        right = sum(record.verdict == record.label for record in decided)
        figures["verdict_agreement"] = right / len(decided)
    return figures
