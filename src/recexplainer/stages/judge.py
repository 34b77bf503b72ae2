"""Give every explanation of a source one of the four levels, by the embedded rubric or by a language
model.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from recexplainer import store
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.judgement import Judgement, summarise
from recexplainer.judging.rubric import JUDGE, judge_by_rubric
from recexplainer.settings import Settings
from recexplainer.stages import StageRun, stage_main
from recexplainer.tracking import log_explanation_traces


def run(settings: Settings, run: StageRun, source: str) -> None:
    """Read one source's explanations; write judgements and ``metrics/judge_<source>.json``; log traces with
    them.
    """
    records = store.read_explanations(source)
    catalogue = store.read_catalogue()
    more: dict[str, Any] = {}
    costs: dict[str, float] = {}
    if settings.judge.backend == "rubric":
        judge = JUDGE
        judgements = [judge_by_rubric(record, catalogue) for record in records]
    else:
        judge, judgements, more, costs = _ask_server(settings, source, records, catalogue)
    rows = [
        judgement.as_row(record["explanation_id"], judge) for record, judgement in zip(records, judgements, strict=True)
    ]
    figures = summarise([row["level"] for row in rows], judge) | more
    store.write_judgements(source, rows)
    store.write_json(store.judge_metrics(source), figures)
    run.log_dataset(store.explanations(source), f"explanations-{source}", "evaluation")
    run.log_metrics(figures | costs)
    run.log_artifact(store.judge_metrics(source))
    traced = [_trace_row(record, row) for record, row in zip(records, rows, strict=True)]
    kind = "CODE" if settings.judge.backend == "rubric" else "LLM_JUDGE"
    log_explanation_traces(traced[: settings.judge.n_traces], kind)


def _ask_server(
    settings: Settings, source: str, records: list[dict[str, Any]], catalogue: Catalogue
) -> tuple[str, list[Judgement], dict[str, Any], dict[str, float]]:
    from recexplainer.api.cache import AnswerCache
    from recexplainer.api.parameters import api_settings
    from recexplainer.judging.agreement import repeat_figures
    from recexplainer.judging.api import judge_by_api
    from recexplainer.judging.beside import rubric_beside
    from recexplainer.judging.prompts import MAX_ANSWER_TOKENS, judge_messages

    server = api_settings(settings.judge, settings.run.seed, MAX_ANSWER_TOKENS)
    with AnswerCache(store.judge_cache(source)) as cache:
        requests = [judge_messages(record, catalogue) for record in records]
        result = judge_by_api(requests, server, cache, settings.judge.n_repeats)
    costs: dict[str, float] = {
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "n_calls": result.n_calls,
        "n_from_cache": result.n_from_cache,
    }
    if result.cost is not None:
        costs["cost"] = result.cost
    if server.prices is not None:  # of all answers, also those that earlier runs had before they were killed
        costs["cost_of_answers"] = server.prices.cost(result.prompt_tokens, result.completion_tokens)
    beside = rubric_beside(result.judgements, records, catalogue, np.random.default_rng(settings.run.seed))
    if settings.judge.n_repeats == 1:
        return server.model, result.judgements, {"rubric": beside}, costs
    levels = [[judgement.level for judgement in found] for found in result.repeats]
    for judgement, found in zip(result.judgements, levels, strict=True):
        judgement.reasons["repeats"] = found
    return server.model, result.judgements, {"rubric": beside, "repeats": repeat_figures(levels)}, costs


def _trace_row(record: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    reasons = row["reasons"]
    rationale = next((str(reasons[key]) for key in ("because", "rationale", "error", "answer") if key in reasons), "")
    return {
        "prompt": record["prompt"],
        "text": record["text"],
        "explanation_id": record["explanation_id"],
        "source": record["source"],
        "level": row["level"],
        "score": row["score"],
        "rationale": rationale,
        "judge": row["judge"],
    }


main = stage_main("judge", run, options=("source",))

if __name__ == "__main__":
    sys.exit(main())
