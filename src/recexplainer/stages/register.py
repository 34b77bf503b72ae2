"""Register an aligned explainer, move the working alias to its version, and write a pointer to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.stages import stage_main
from recexplainer.tracking import registry
from recexplainer.tracking.runs import open_run


def run(settings: Settings, mode: str) -> None:
    """Register ``models/explainer-<mode>``."""
    register_folder(settings, store.explainer_folder(mode), f"explainer-{mode}", stage="register")


def register_folder(settings: Settings, folder: Path, role: str, stage: str) -> None:
    """Register one folder; a run is made for new content only; when all is well, MLflow stays away."""
    dataset = settings.dataset.name
    if not registry.is_registered(folder, role, dataset):
        about = f"Log `{folder}` as a model, for no run here has logged this content."
        version = registry.register(
            folder, role, dataset, lambda: open_run(stage, settings, {"role": role}, about=about)
        )
        registry.write_card(role, dataset, version, made_of(folder))
    registry.write_pointer(folder, role, dataset)


def made_of(folder: Path) -> dict[str, Any]:
    """What a model folder says it was made of: base LLM and recommender; None where it has none.

    The files are named here, so that registering imports no model code.
    """
    base = _read(folder / "explainer.json").get("base") or {}
    recommender = _read(folder / "recommender" / "config.json") or _read(folder / "config.json")
    return {
        "base LLM": base.get("name"),
        "base LLM's revision": base.get("revision"),
        "recommender": recommender.get("kind"),
        "items": recommender.get("n_items"),
    }


def _read(path: Path) -> dict[str, Any]:
    return dict(store.read_json(path)) if path.is_file() else {}


main = stage_main("register", run, options=("mode",), tracked=False)
