"""Which parameters a run reads: what is logged of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from recexplainer.core.settings.alignment import ALIGNED_MODES
from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.judging import Encoder
from recexplainer.core.settings.parsing import flatten

if TYPE_CHECKING:
    from recexplainer.core.settings import Settings

_PIPELINE = ("align.modes", "evaluate_alignment.sources", "explain.sources")  # one run is of one of them
_WRITING = ("max_prompt_tokens", "max_new_tokens", "batch_size", "save_every", "evidence", "facts")  # of an LLM


def used_parameters(
    settings: Settings, sections: Iterable[str], options: Mapping[str, str], idle: Iterable[str] = ()
) -> dict[str, Any]:
    """The parameters of some sections that this run reads, under dotted names.

    Args:
        settings: All parameters.
        sections: Dotted names, each of a section, a part of one, or one parameter.
        options: The run's mode or source.
        idle: What else it does not read, as `sections`.
    """
    wanted, unread = tuple(sections), (*idle_parameters(settings, options), *idle)
    return {
        name: value
        for name, value in flatten(settings).items()
        if _is_within(name, wanted) and not _is_within(name, unread)
    }


def idle_parameters(settings: Settings, options: Mapping[str, str]) -> Iterator[str]:
    """The parameters, or parts of sections, that other parameters or the run's mode or source leave without effect."""
    if "mode" in options or "source" in options:
        yield from _PIPELINE
    if mode := options.get("mode"):
        yield from (f"align.epochs.{other}" for other in ALIGNED_MODES if other != mode)
        if mode != "both":
            yield "align.both_forms"
    yield from _without_model(options.get("source"))
    yield from _without_server(settings)
    if settings.dataset.format != "table":
        yield "dataset.columns"
    if settings.discriminate.encoder.base is None:
        yield from _fields("discriminate.encoder", Encoder, but="base")


def _without_model(source: str | None) -> Iterator[str]:
    """Of a source that loads no explainer from the registry, or no LLM at all."""
    if source in ("none", "template"):
        yield "registry"
    if source == "template":
        yield "llm"
        yield from (f"explain.{name}" for name in _WRITING)


def _without_server(settings: Settings) -> Iterator[str]:
    """Of sections that could ask a server and do not."""
    if settings.judge.backend == "rubric":
        yield from _fields("judge", ApiModel)
        yield from ("judge.n_repeats", "judge.reask_unparseable")
    if settings.summaries.author == "catalogue":
        yield from _fields("summaries", ApiModel)
        yield "summaries.max_failed"
    in_context = settings.evaluate_baselines.in_context
    if "api" not in in_context.answerers:
        yield from _fields(in_context.section, ApiModel)
    if not in_context.answerers:
        yield from (f"{in_context.section}.{name}" for name in ("n_shown", "n_questions"))


def _fields(section: str, kind: type, but: str = "") -> Iterator[str]:
    return (f"{section}.{field.name}" for field in dataclasses.fields(kind) if field.name != but)


def _is_within(name: str, places: Iterable[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)
