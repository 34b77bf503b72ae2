"""Who explains: an aligned explainer from the registry, or the unaligned base LLM."""

from __future__ import annotations

from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.core.settings import Settings
from recexplainer.llm.base_model import chosen_base
from recexplainer.llm.explainer import Explainer, base_explainer, load_explainer
from recexplainer.tracking import registry


def load_source(settings: Settings, source: str) -> tuple[Explainer, ModelVersion | None]:
    """The explainer of a source and the registered version it came from (None for `none`, the base LLM).

    Raises:
        InputError: If the source has no LLM, or the registry does not hold the model that DVC names.
    """
    if source == "template":
        raise InputError("--source: template explains without an LLM, so there is nothing to measure or load")
    if source == "none":
        return base_explainer(chosen_base(settings.llm), {"n_categories": settings.align.n_categories}), None
    pulled = registry.pull(f"explainer-{source}", settings.dataset.name, settings.registry.alias)
    return load_explainer(pulled.folder), pulled.as_record()
