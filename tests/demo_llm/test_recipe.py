"""The demo LLM's recipe: what it teaches, and that it teaches nothing of the demo."""

from __future__ import annotations

import importlib
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from recexplainer.alignment.chat import ChatEncoder
from recexplainer.data.synthetic import demo_world, reserved_names
from recexplainer.explainer.base_model import load_base
from recexplainer.settings import Llm
from tests import tiny
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "demo_llm"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))

    importlib.import_module("recipe.train")
    yield importlib.import_module("recipe")
    for name in [name for name in sys.modules if name.split(".")[0] == "recipe"]:
        del sys.modules[name]


def test_no_lesson_world_has_a_name_of_the_demos(recipe: Any) -> None:
    params = yaml.safe_load((FOLDER / "params.yaml").read_text())["train"]
    settings = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["generate_demo"]
    assert (params["demo_seed"], params["demo_items"]) == (settings["seed"], settings["n_items"])
    reserved = reserved_names(demo_world(params["demo_seed"], params["demo_items"]))
    rng = np.random.default_rng(params["seed"])
    for world in recipe.corpus.lesson_worlds(
        rng, 30, params["items_per_world"], params["demo_seed"], params["demo_items"]
    ):
        assert not reserved & (world.franchises | set(world.platforms) | set(world.studios))


def test_conversations_are_endless_and_follow_the_seed(recipe: Any) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 3, 60, 11, 200)
    drawn = [
        list(islice(recipe.corpus.conversations(np.random.default_rng(seed), worlds, 50), 120)) for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    is_drill = [turns[0][0].startswith("Repeat:") or "What follows" in turns[0][0] for turns in drawn[0]]
    assert np.mean(is_drill[:25]) > 0.5 > np.mean(is_drill[60:])


def test_drills_are_right(recipe: Any) -> None:
    [world] = recipe.corpus.lesson_worlds(np.random.default_rng(0), 1, 60, 11, 200)
    for seed in range(40):
        [(question, answer)] = recipe.corpus.drill(np.random.default_rng(seed), world)
        if question.startswith("Repeat:\n"):
            assert answer == question.removeprefix("Repeat:\n")
        else:
            shown, asked = question.rsplit("\nWhat follows ", 1)
            assert f"{asked.strip('?').strip(chr(34))}" in shown and answer.strip('"') in shown


def test_rows_are_full_and_the_loss_never_crosses_conversations(recipe: Any) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 2, 60, 11, 200)
    tokenizer = _tokenizer(recipe, worlds)
    rows = list(islice(iter(recipe.train.LessonRows(worlds, tokenizer, 600, 0, 5)), 6))
    again = list(islice(iter(recipe.train.LessonRows(worlds, tokenizer, 600, 0, 5)), 6))
    for row, other in zip(rows, again, strict=True):
        assert 200 < sum(len(tree) for tree in row) <= 600
        batch, second = recipe.train.collate_row([row]), recipe.train.collate_row([other])
        assert batch["input_ids"].equal(second["input_ids"])
        starts = (batch["position_ids"][0] == 0).nonzero()[:, 0]
        assert len(starts) == len(row)
        lasts = torch.cat([starts[1:] - 1, torch.tensor([-1])])
        assert (batch["next_ids"][0, lasts] == tokenizer.eos_token_id).all()
        inside = torch.ones(batch["input_ids"].shape[1], dtype=torch.bool)
        inside[lasts] = False
        assert batch["next_ids"][0][inside].equal(batch["input_ids"].roll(-1)[0][inside])
        assert set(batch["weights"].unique().tolist()) == {recipe.train.QUESTION_WEIGHT, 1.0}


def test_the_tokenizer_writes_what_it_reads_and_keeps_its_marks(recipe: Any) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 2, 60, 11, 200)
    tokenizer = _tokenizer(recipe, worlds)
    encoder = ChatEncoder(tokenizer)
    for title in ("星の庭 Hoshi no Niwa", 'The "Quiet" Harbor', "Slot <item> Machine", "Rust; Bone; Glory"):
        assert tokenizer.decode(encoder.answer_ids(title)) == title
    assert len(encoder.end_ids) == 1 and encoder.slot_id == tokenizer.pad_token_id == 0
    assert encoder.answer_ids("Yes")[0] != encoder.answer_ids("No")[0]


def test_a_model_folder_is_one_that_transformers_loads(recipe: Any, tmp_path: Path) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 2, 60, 11, 200)
    tokenizer = _tokenizer(recipe, worlds)
    recipe.train.save(tiny.llama(len(tokenizer)), tokenizer, tmp_path / "model")
    _, loaded = load_base(Llm(str(tmp_path / "model"), None, None))
    assert loaded.chat_template == recipe.train.TEMPLATE
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def _tokenizer(recipe: Any, worlds: Any, n_texts: int = 300) -> Any:
    """The recipe's tokenizer, trained on fewer texts."""
    monkey = recipe.train.islice
    recipe.train.islice = lambda stream, n: monkey(stream, n_texts)
    try:
        return recipe.train.train_tokenizer(np.random.default_rng(0), worlds, 700)
    finally:
        recipe.train.islice = monkey
