"""One trace per explanation: what was asked and answered, about whom, by which version, and what a judge made of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from recexplainer.core.records.explanation import Explanation, ModelVersion, UserExplanation
from recexplainer.core.records.judgement import Judgement
from recexplainer.tracking.lineage import logged_model
from recexplainer.tracking.prompts import EXPLANATION, prompt_with
from recexplainer.tracking.runs import redact

if TYPE_CHECKING:
    from mlflow.entities.model_registry import PromptVersion

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


def _log_trace(record: Explanation, model_id: str | None) -> str:
    import mlflow

    run = mlflow.active_run()
    user = record.raw_user_id if isinstance(record, UserExplanation) else str(record.user_id)
    with mlflow.start_span(name="explain", span_type="LLM") as span:
        span.set_inputs({"prompt": record.prompt})
        span.set_outputs({"text": record.text})
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
