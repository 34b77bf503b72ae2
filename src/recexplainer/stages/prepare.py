"""Turn raw data into sequences, a catalogue, a split of the users and general dialogues."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from recexplainer import store
from recexplainer.core.settings import Dataset, Settings
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw
from recexplainer.stages import StageRun, is_watched, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Read the raw data set that the parameters name and write data/prepared."""
    for line in _unwatched(settings.dataset):
        print(f"warning: prepare: {line}", file=sys.stderr)
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


def _unwatched(dataset: Dataset) -> Iterator[str]:
    """What to say of files that are read and that DVC does not see change."""
    for name in ("interactions_file", "items_file", "dialogues_file"):
        path = getattr(dataset, name)
        places = [] if path is None else [Path(dataset.raw) / path, Path(path)]
        place = next((place for place in places if place.exists()), None)
        if place is not None and not is_watched(place, dataset.raw):
            yield f"dataset.{name}: DVC watches {dataset.raw} alone; after a change of {path}, run dvc repro -f prepare"


main = stage_main("prepare", run, sections=("dataset",))
