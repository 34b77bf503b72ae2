"""Who explains: an aligned explainer from the registry, or the unaligned base LLM."""

from __future__ import annotations

from pathlib import Path

from recexplainer import store
from recexplainer.core.contents import dvc_md5, file_hashes
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.core.settings import Settings
from recexplainer.llm.base_model import chosen_base
from recexplainer.llm.explainer import RECOMMENDER, Explainer, base_explainer, load_explainer
from recexplainer.tracking import registry


def load_source(settings: Settings, source: str) -> tuple[Explainer, ModelVersion | None]:
    """The explainer of a source and the registered version it came from (None for `none`, the base LLM).

    Raises:
        InputError: If the source has no LLM, or the registry does not hold the model that DVC names, or it was aligned
            to another recommender or catalogue than those here.
    """
    if source == "template":
        raise InputError("--source: template explains without an LLM, so there is nothing to measure or load")
    if source == "none":
        return base_explainer(chosen_base(settings.llm), {"n_categories": settings.align.n_categories}), None
    pulled = registry.pull(f"explainer-{source}", settings.dataset.name, settings.registry.alias)
    _require_same_world(pulled.folder)
    return load_explainer(pulled.folder), pulled.as_record()


def _require_same_world(folder: Path) -> None:
    """Refuse an explainer that would speak of another recommender's decisions, or of other items.

    Raises:
        InputError: Its recommender or its catalogue is not the one of this project.
    """
    here = file_hashes(store.RECOMMENDER)
    carried = file_hashes(folder / RECOMMENDER)
    other = [store.RECOMMENDER / name for name, value in carried.items() if here.get(name) != value]
    catalogue = folder / store.CATALOGUE.name
    if catalogue.is_file() and dvc_md5(catalogue) != dvc_md5(store.CATALOGUE):
        other.append(store.CATALOGUE)
    if other:
        raise InputError(f"{other[0]}: is not what the explainer was aligned to; run dvc repro, which aligns again")
