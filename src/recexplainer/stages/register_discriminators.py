"""Register the discriminators, and write pointers to their versions."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.stages import stage_main
from recexplainer.stages.register import register_folder


def run(settings: Settings) -> None:
    """Register every discriminator that ``discriminate`` wrote."""
    if not store.DISCRIMINATORS.is_dir():
        raise InputError(f"{store.DISCRIMINATORS}: no such model folder; run the stage that writes it (dvc repro)")
    for folder in sorted(store.DISCRIMINATORS.iterdir()):
        register_folder(settings, folder, folder.name, "register_discriminators")


main = stage_main("register_discriminators", run, tracked=False)
