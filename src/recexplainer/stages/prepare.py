"""Turn raw data into sequences, a catalogue, a split of the users and general dialogues."""

from __future__ import annotations

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Read the raw data set that the parameters name and write data/prepared."""
    raw = open_raw(settings.dataset)
    prepared = prepare_data(raw, settings.prepare, seed=settings.run.seed, tell=print)
    store.write_interactions(prepared.interactions)
    store.write_catalogue(prepared.catalogue)
    store.write_users(prepared.users)
    store.write_dialogues(prepared.dialogues)
    store.write_json(store.PREPARE_REPORT, {"dataset": settings.dataset.name, **prepared.report})
    sizes = ("n_users", "n_items", "n_interactions", "n_users_per_split", "n_dialogues")
    run.log_metrics({name: prepared.report[name] for name in sizes})
    run.log_artifact(store.PREPARE_REPORT)
    run.log_dataset(store.INTERACTIONS, name=settings.dataset.name, context="prepared")


main = stage_main("prepare", run, sections=("dataset",))
