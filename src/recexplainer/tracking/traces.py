"""One trace per explanation: what was asked and answered, about whom, by which version, and what a judge made of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation, ModelVersion, UserExplanation
from recexplainer.core.records.judgement import Judgement, Level
from recexplainer.store import to_row
from recexplainer.tracking import runs
from recexplainer.tracking.lineage import logged_model
from recexplainer.tracking.prompts import EXPLANATION, prompt_with
from recexplainer.tracking.runs import redact

if TYPE_CHECKING:
    from mlflow.entities.model_registry import PromptVersion

RECORD = "explanation"  # the output of a live trace that holds the whole record
TRACE_TAGS = ("explanation_id", "source")  # say whose explanation a trace shows; people's feedback is joined by them


def log_explanation_traces(
    explanations: Sequence[Explanation],
    judgements: Sequence[Judgement] = (),
    judge_kind: Literal["CODE", "LLM_JUDGE"] = "CODE",
    judge_prompt: PromptVersion | None = None,
) -> int:
    """Log one trace per explanation, with the judge's level and score as its assessments; return their number.

    The traces of one run are a session. A trace names the user and the explainer's registered version, and hangs below
    that version's logged model and the prompts that were used, where the registry here holds them.

    Args:
        explanations: What was explained.
        judgements: One per explanation, in the same order; none where no judge has seen them.
        judge_kind: ``CODE`` is the rubric.
        judge_prompt: What a language model was told that judged.
    """
    import mlflow

    model_of, request_of = cache(logged_model), cache(prompt_with)
    traces = [_log_trace(record, model_of(record.model) if record.model else None) for record in explanations]
    mlflow.flush_trace_async_logging()
    client = mlflow.MlflowClient()
    for record, trace in zip(explanations, traces, strict=True):
        request = None if record.base is None else request_of(EXPLANATION, record.request.template_sha256)
        prompts = [prompt for prompt in (request, judge_prompt) if prompt is not None]
        if prompts:
            client.link_prompt_versions_to_trace(prompts, trace)
    for judgement, trace in zip(judgements, traces if judgements else (), strict=True):
        _log_judgement(judgement, trace, judge_kind)
    return len(traces)


def log_live_trace(dataset: str, record: Explanation) -> str:
    """Log an explanation that no stage wrote, in the experiment of a data set; return the trace's id.

    The trace holds the whole record, so that feedback on it can be read where no file has it.
    """
    import mlflow

    experiment = runs.experiment_id(runs.connect(), dataset)
    trace = _log_trace(record, logged_model(record.model) if record.model else None, experiment)
    mlflow.flush_trace_async_logging()
    return trace


def log_human_level(trace: str, rater: str, level: Level, comment: str) -> None:
    """Keep a person's level of the explanation that a trace shows, as MLflow's own UI would.

    Raises:
        InputError: MLflow does not take it, as when somebody deleted the trace.
    """
    import mlflow
    from mlflow.entities import AssessmentSource
    from mlflow.exceptions import MlflowException

    source = AssessmentSource(source_type="HUMAN", source_id=rater)
    try:
        mlflow.log_feedback(trace_id=trace, name="level", value=level, source=source, rationale=comment or None)
    except MlflowException as error:
        raise InputError(f"the rating is not kept, try again: {redact(str(error))}") from None


def _log_trace(record: Explanation, model_id: str | None, experiment: str | None = None) -> str:
    """Log a trace in the active experiment, or in another one with the whole record."""
    import mlflow
    from mlflow.entities.trace_location import MlflowExperimentLocation

    run = mlflow.active_run()
    place = None if experiment is None else MlflowExperimentLocation(experiment)
    whole = {} if experiment is None else {RECORD: to_row(record)}
    user = record.raw_user_id if isinstance(record, UserExplanation) else str(record.user_id)
    with mlflow.start_span(name="explain", span_type="LLM", trace_destination=place) as span:
        span.set_inputs({"prompt": record.prompt})
        span.set_outputs({"text": record.text, **whole})
        span.set_attribute("explanation_id", record.explanation_id)
        mlflow.update_current_trace(
            tags={name: str(getattr(record, name)) for name in TRACE_TAGS},
            metadata=_of_model(record.model),
            session_id=run.info.run_id if run else None,
            user=user,
            model_id=model_id,
        )
    return str(span.trace_id)


def _of_model(model: ModelVersion | None) -> dict[str, str]:
    return {} if model is None else {f"model.{name}": value for name, value in vars(model).items()}


def _log_judgement(judgement: Judgement, trace: str, kind: str) -> None:
    import mlflow
    from mlflow.entities import AssessmentSource

    given: dict[str, Any] = {
        "trace_id": trace,
        "source": AssessmentSource(source_type=kind, source_id=judgement.judge),
    }
    mlflow.log_feedback(name="level", value=judgement.level, rationale=redact(judgement.rationale), **given)
    if judgement.score is not None:
        mlflow.log_feedback(name="score", value=judgement.score, **given)
