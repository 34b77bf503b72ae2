"""Register the trained recommender, and write a pointer to its version."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.stages import stage_main
from recexplainer.stages.register import register_folder


def run(settings: Settings) -> None:
    """Register ``models/recommender``."""
    register_folder(settings, store.RECOMMENDER, f"recommender-{settings.recommender.kind}", "register_recommender")


main = stage_main("register_recommender", run, tracked=False)
