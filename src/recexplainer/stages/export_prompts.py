"""Write the rendered prompts and answers as chat messages, for other trainers and models."""

from __future__ import annotations

import sys
from pathlib import Path

from recexplainer import store
from recexplainer.alignment import chat_files
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.data.splits import SPLITS, TRAIN
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders import load_recommender
from recexplainer.recommenders.base import Recommender
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Write a file per mode and split, the questions that ask for an explanation, and the prompts for an API."""
    recommender = load_recommender(store.RECOMMENDER)
    blind = [mode for mode in settings.align.modes if mode != "behaviour" and not recommender.has_vectors]
    if blind:
        raise InputError(f"mode {blind[0]} needs vectors, but the recommender only gives scores: change align.modes")
    with store.atomic_path(store.EXPORT) as folder:
        folder.mkdir()
        counts = _write_prompts(settings, recommender, folder)
    run.log_dataset(store.ALIGNMENT, "alignment", "export")
    run.log_metrics(counts)
    print(f"{store.EXPORT}: {sum(counts.values())} rows in {len(counts)} files", file=sys.stderr)


def _write_prompts(settings: Settings, recommender: Recommender, folder: Path) -> dict[str, int]:
    """The number of rows of each file."""
    data = store.read_alignment(with_drafts=store.EXPLANATION_DRAFTS.exists())
    writer = PromptWriter(store.read_catalogue(), settings.align.n_categories)
    counts: dict[str, int] = {}
    for split in SPLITS:
        for mode in settings.align.modes:
            rows = chat_files.task_rows(writer, data.named(split), mode, settings.align.both_forms)
            counts[f"{mode}_{split}.json"] = store.write_json_rows(folder / f"{mode}_{split}.json", rows)
            if split != TRAIN:
                name = f"explan_{mode}_{split}.json"
                rows = chat_files.explanation_rows(writer, data.named(split), mode)
                counts[name] = store.write_json_rows(folder / name, rows)
        if split != TRAIN:
            name = f"api_{split}.csv"
            prompts = chat_files.api_rows(writer, data.named(split))
            counts[name] = store.write_csv(folder / name, chat_files.API_COLUMNS, prompts)
    described = [name for name in counts if name.endswith(".json")]
    store.write_json(folder / "dataset_info.json", chat_files.dataset_info(described))
    if recommender.has_vectors:
        store.write_vectors(folder / "vectors.safetensors", data.user_vectors, recommender.item_vectors())
    return counts


main = stage_main("export_prompts", run, sections=("align.modes", "align.n_categories", "align.both_forms"))
