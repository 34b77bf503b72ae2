"""Grade every explanation of a source on the four levels, with the embedded rubric or a language model."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from recexplainer import store
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Judgement
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.grade import SCORES, Grade, summarise, without_level_warning
from recexplainer.judging.rubric import JUDGE, judge_by_rubric
from recexplainer.stages import StageRun, stage_main
from recexplainer.tracking.naming import renamed
from recexplainer.tracking.prompts import JUDGE as JUDGE_PROMPT
from recexplainer.tracking.traces import log_explanation_traces

NAMES = {  # in MLflow, where figures of all stages are listed together
    "mean": "level_mean",
    "n": "n_explanations",
    **{level: f"n_level_{level}" for level in SCORES},
}


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
        grades = [judge_by_rubric(record, catalogue) for record in records]
    else:
        judges, grades, more, costs = _ask_server(settings, source, records, catalogue)
    judgements = [
        grade.of(record.explanation_id, judge) for record, grade, judge in zip(records, grades, judges, strict=True)
    ]
    levels = [grade.level for grade in grades]
    figures = summarise(levels, JUDGE) | more
    store.write_judgements(source, judgements)
    store.write_json(store.judge_metrics(source), figures)
    run.log_dataset(store.explanations(source), f"explanations-{source}", "evaluation")
    run.link_model(records[0].model if records else None)
    run.log_metrics(renamed(figures, NAMES) | costs)
    run.log_artifact(store.judge_metrics(source))
    _log_traces(settings, run, records, judgements)
    if warning := without_level_warning(levels):
        print(f"warning: judge ({source}): {warning}", file=sys.stderr)


def _log_traces(settings: Settings, run: StageRun, records: list[Explanation], judgements: list[Judgement]) -> None:
    n_traces = settings.judge.n_traces
    traced = (records[:n_traces], judgements[:n_traces])
    if settings.judge.backend == "rubric":
        log_explanation_traces(*traced)
        return
    from recexplainer.judging.prompts import RUBRIC

    prompt = run.log_prompt(JUDGE_PROMPT, RUBRIC, "What a language model is told that judges an explanation")
    log_explanation_traces(*traced, "LLM_JUDGE", prompt)


def _ask_server(
    settings: Settings, source: str, records: list[Explanation], catalogue: Catalogue
) -> tuple[list[str], list[Grade], dict[str, Any], dict[str, Any]]:
    """Who judged each explanation, how, the figures of it, and what it took."""
    from recexplainer.api.cache import AnswerCache
    from recexplainer.api.request import ApiSettings
    from recexplainer.judging.api import judge_by_api
    from recexplainer.judging.prompts import judge_messages
    from recexplainer.judging.repeats import repeat_figures
    from recexplainer.judging.rubric_agreement import compare_with_rubric

    server = ApiSettings(settings.judge, settings.run.seed)
    with AnswerCache(store.judge_cache(source)) as cache:
        requests = [judge_messages(record, catalogue) for record in records]
        result = judge_by_api(requests, server, cache, settings.judge.n_repeats, settings.judge.reask_unparseable)
    costs = result.asked.costs()
    if server.prices is not None:  # of all answers, also those that earlier runs had before they were killed
        costs["cost_of_answers"] = server.prices.cost(result.asked.prompt_tokens, result.asked.completion_tokens)
    rubric = compare_with_rubric(result.grades, records, catalogue, np.random.default_rng(settings.run.seed))
    n_without_level = sum(grade.score is None for grade in result.grades)
    figures: dict[str, Any] = {
        "judge": ", ".join(dict.fromkeys(filter(None, result.engines))) or server.model,
        "rubric": rubric,
        "answered_by": result.asked.answered_by,
        "without_level": n_without_level / len(records) if records else 0.0,
    }
    if settings.judge.n_repeats > 1:
        levels = [[grade.level for grade in found] for found in result.repeats]
        for grade, found in zip(result.grades, levels, strict=True):
            grade.reasons["repeats"] = found
        figures["repeats"] = repeat_figures(levels)
    return [engine or server.model for engine in result.engines], result.grades, figures, costs


main = stage_main("judge", run, options=("source",))
