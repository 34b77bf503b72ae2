"""Write the raw files of the embedded demo data set."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.demo.synthetic import make_demo, write_demo
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Invent the catalogue, the users and the dialogues, and write them in the public Amazon review format."""
    chosen = settings.generate_demo
    demo = make_demo(chosen.seed, chosen.n_users, chosen.n_items)
    with store.atomic_path(store.RAW_DEMO) as folder:
        folder.mkdir()
        write_demo(folder, demo)
    run.log_metrics(
        {"n_reviews": len(demo["reviews"]), "n_items": len(demo["meta"]), "n_dialogues": len(demo["dialogues"])}
    )


main = stage_main("generate_demo", run)
