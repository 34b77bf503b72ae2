"""Give every explanation of a source one of the four levels, by the embedded rubric or by a language
model.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from recexplainer import store
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.judgement import Judgement, summarise, without_level_warning
from recexplainer.judging.rubric import JUDGE, judge_by_rubric
from recexplainer.stages import StageRun, stage_main
from recexplainer.tracking.runs import log_explanation_traces


def run(settings: Settings, run: StageRun, source: str) -> None:
    """Read one source's explanations; write judgements and ``metrics/judge_<source>.json``; log traces with
    them.
    """
    records = store.read_explanations(source)
    catalogue = store.read_catalogue()
    more: dict[str, Any] = {}
    costs: dict[str, Any] = {}
    if settings.judge.backend == "rubric":
        judges = [JUDGE] * len(records)
        judgements = [judge_by_rubric(record, catalogue) for record in records]
    else:
        judges, judgements, more, costs = _ask_server(settings, source, records, catalogue)
    rows = [
        judgement.as_row(record.explanation_id, judge)
        for record, judgement, judge in zip(records, judgements, judges, strict=True)
    ]
    levels = [row["level"] for row in rows]
    figures = summarise(levels, JUDGE) | more
    store.write_judgements(source, rows)
    store.write_json(store.judge_metrics(source), figures)
    run.log_dataset(store.explanations(source), f"explanations-{source}", "evaluation")
    run.log_metrics(figures | costs)
    run.log_artifact(store.judge_metrics(source))
    traced = [_trace_row(record, row) for record, row in zip(records, rows, strict=True)]
    kind = "CODE" if settings.judge.backend == "rubric" else "LLM_JUDGE"
    log_explanation_traces(traced[: settings.judge.n_traces], kind)
    if warning := without_level_warning(levels):
        print(f"warning: judge ({source}): {warning}", file=sys.stderr)


def _ask_server(
    settings: Settings, source: str, records: list[Explanation], catalogue: Catalogue
) -> tuple[list[str], list[Judgement], dict[str, Any], dict[str, Any]]:
    """Who judged each explanation, how, the figures of it, and what it took."""
    from recexplainer.api.cache import AnswerCache
    from recexplainer.api.parameters import api_settings
    from recexplainer.api.parameters import costs as api_costs
    from recexplainer.judging.api import judge_by_api
    from recexplainer.judging.prompts import judge_messages
    from recexplainer.judging.repeats import repeat_figures
    from recexplainer.judging.rubric_agreement import rubric_beside

    server = api_settings(settings.judge, settings.run.seed)
    with AnswerCache(store.judge_cache(source)) as cache:
        requests = [judge_messages(record, catalogue) for record in records]
        result = judge_by_api(requests, server, cache, settings.judge.n_repeats, settings.judge.reask_unparseable)
    costs = api_costs(result.asked)
    if server.prices is not None:  # of all answers, also those that earlier runs had before they were killed
        costs["cost_of_answers"] = server.prices.cost(result.asked.prompt_tokens, result.asked.completion_tokens)
    beside = rubric_beside(result.judgements, records, catalogue, np.random.default_rng(settings.run.seed))
    n_without_level = sum(judgement.score is None for judgement in result.judgements)
    figures: dict[str, Any] = {
        "judge": ", ".join(dict.fromkeys(filter(None, result.engines))) or server.model,
        "rubric": beside,
        "answered_by": result.asked.answered_by,
        "without_level": n_without_level / len(records) if records else 0.0,
    }
    if settings.judge.n_repeats > 1:
        levels = [[judgement.level for judgement in found] for found in result.repeats]
        for judgement, found in zip(result.judgements, levels, strict=True):
            judgement.reasons["repeats"] = found
        figures["repeats"] = repeat_figures(levels)
    return [engine or server.model for engine in result.engines], result.judgements, figures, costs


def _trace_row(record: Explanation, row: dict[str, Any]) -> dict[str, Any]:
    reasons = row["reasons"]
    rationale = next((str(reasons[key]) for key in ("because", "rationale", "error", "answer") if key in reasons), "")
    return {
        "prompt": record.prompt,
        "text": record.text,
        "explanation_id": record.explanation_id,
        "source": record.source,
        "level": row["level"],
        "score": row["score"],
        "rationale": rationale,
        "judge": row["judge"],
    }


main = stage_main("judge", run, options=("source",))
