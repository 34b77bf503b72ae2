from __future__ import annotations

from pathlib import Path

import torch

from recexplainer.alignment.building import build_examples
from recexplainer.alignment.warm_start import item_embeddings, user_embeddings, warm_start
from tests import tiny


def test_slots_come_near_the_words_of_what_they_stand_for(base: Path) -> None:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), [], tiny.mf())
    examples, vectors = build_examples(*given, tiny.settings().build_alignment, seed=1)
    taught = [example for example in examples if example.split == "train"]
    fits = []
    for steps in (0, 300, 300):
        explainer = tiny.explainer(base, "both", None, vectors)
        adapter = {n: p.clone() for n, p in explainer.named_parameters() if not n.startswith("connectors.")}
        torch.rand(2)
        fits.append(warm_start(explainer, tiny.writer(), taught, vectors, steps, seed=1))
        assert all(torch.equal(p, adapter[n]) for n, p in explainer.named_parameters() if n in adapter)
        assert all(p.grad is None for n, p in explainer.named_parameters() if n in adapter)
    assert fits[0] == {} and fits[1] == fits[2]
    assert fits[1]["warm_start_item"] > 0.5 and fits[1]["warm_start_user"] > 0.5


def test_a_mode_without_connectors_has_nothing_to_start(base: Path) -> None:
    assert warm_start(tiny.explainer(base, "behaviour"), tiny.writer(), [], torch.zeros(0, 0), 10, 1) == {}


def test_items_of_like_words_lie_near_each_other(base: Path) -> None:
    words = item_embeddings(tiny.explainer(base, "both"), tiny.writer())
    assert words.shape == (tiny.N_ITEMS + 1, 32) and not words[0].any()
    near = torch.cosine_similarity(words[1], words[2], dim=0)  # Rust, Rust II
    assert near > torch.cosine_similarity(words[1], words[5], dim=0)


def test_every_training_user_has_a_place_to_go(base: Path) -> None:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), [], tiny.mf())
    examples, _ = build_examples(*given, tiny.settings().build_alignment, seed=1)
    taught = [example for example in examples if example.split == "train"]
    rows, places = user_embeddings(taught, item_embeddings(tiny.explainer(base, "both"), tiny.writer()))
    assert rows.tolist() == sorted({example.vector_row for example in taught if example.user_id})
    assert places.shape == (len(rows), 32) and places.isfinite().all()
