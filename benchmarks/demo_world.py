"""The demo's world as `align` and `evaluate_alignment` find it, made afresh for a benchmark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recexplainer import store
from recexplainer.alignment.building import build_examples
from recexplainer.core.settings import Settings
from recexplainer.data.interactions import Interactions
from recexplainer.data.prepare import prepare_data
from recexplainer.data.readers import open_raw
from recexplainer.demo.synthetic import make_demo, write_demo
from recexplainer.recommenders.mf import MF

ROOT = Path(__file__).resolve().parents[1]
DEMO_LLM = str(ROOT / "demo_llm" / "model")


def write_world(folder: Path, settings: Settings) -> None:
    """The demo's catalogue, a recommender of it and what it answers, as the stages before `align` make them."""
    demo = make_demo(settings.generate_demo.seed, settings.generate_demo.n_users, settings.generate_demo.n_items)
    raw = folder / "raw"
    raw.mkdir()
    write_demo(raw, demo)
    prepared = prepare_data(open_raw(replace(settings.dataset, raw=str(raw))), settings.prepare, seed=1)
    store.write_catalogue(prepared.catalogue, folder / "catalogue.parquet")
    catalogue = store.read_catalogue(folder / "catalogue.parquet")
    interactions = Interactions.from_frame(prepared.interactions, catalogue.n_items)
    recommender = MF.fit(interactions, seed=1, **vars(settings.train_recommender.mf))
    recommender.save(folder / "recommender")
    given = (interactions, catalogue, prepared.users, prepared.dialogues, recommender)
    store.write_alignment(*build_examples(*given, settings.build_alignment, seed=1), folder / "alignment")
