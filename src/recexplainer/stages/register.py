"""Register an aligned explainer, move the working alias to its version, and write a pointer to it."""

from __future__ import annotations

from pathlib import Path

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
        registry.register(folder, role, dataset, lambda: open_run(stage, settings, {"role": role}, about=about))
    registry.write_pointer(folder, role, dataset)


main = stage_main("register", run, options=("mode",), tracked=False)
