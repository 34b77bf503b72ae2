"""The demo LLM's recipe: what it teaches, and that it teaches nothing of the demo."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from recexplainer.alignment.adaptation import slots, teaching
from recexplainer.alignment.adaptation.drills import drill
from recexplainer.alignment.warm_start import item_words, ranking_map, user_slots
from recexplainer.core.settings import Llm
from recexplainer.demo.synthetic import demo_world, reserved_names
from recexplainer.llm.base_model import load_base
from recexplainer.prompting.chat import IGNORED, ChatEncoder
from tests import tiny
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "demo_llm"


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
        [(question, answer)] = drill(np.random.default_rng(seed), world)
        if question.startswith("Repeat:\n"):
            assert answer == question.removeprefix("Repeat:\n")
        else:
            shown, asked = question.rsplit("\nWhat follows ", 1)
            assert f"{asked.strip('?').strip(chr(34))}" in shown and answer.strip('"') in shown


def test_rows_are_full_and_the_loss_never_crosses_lessons(recipe: Any) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 2, 60, 11, 200)
    encoder = ChatEncoder(_tokenizer(recipe, worlds))
    words = partial(recipe.corpus.conversations, worlds=worlds)
    params = {"row_tokens": 600, "n_drills": 0, "slot_share": 0.5, "seed": 4}
    rows, again = (
        list(islice(iter(teaching.LessonRows(slots.SlotLessons(worlds, encoder), words, params)), 6)) for _ in range(2)
    )
    batch, second = teaching.collate(rows, 600), teaching.collate(again, 600)
    assert all(batch[name].equal(second[name]) for name in batch)
    for place, row in enumerate(rows):
        assert 200 < sum(len(lesson.encoded) for lesson in row) <= 600
        starts = (batch["position_ids"][place] == 0).nonzero()[:, 0][: len(row)]
        ends = torch.tensor([*starts[1:], sum(len(lesson.encoded) for lesson in row)])
        for lesson, start, end in zip(row, starts, ends, strict=True):
            ids, follows = batch["input_ids"][place, start:end], batch["next_ids"][place, start:end]
            weights = batch["weights"][place, start:end]
            assert ids.tolist() == lesson.encoded.input_ids.tolist()
            assert (follows[:-1] == ids[1:]).logical_or(weights[:-1] == 0).all()
            last = lesson.encoded.targets[-1]
            assert weights[-1] > 0 and follows[-1] == last  # an answer's end is a target and no input
            is_slot = torch.from_numpy((lesson.encoded.item_slots >= 0) | (lesson.encoded.user_slots >= 0))
            assert (weights[:-1][is_slot[1:]] == 0).all()  # what stands in a slot is no word to be guessed
        assert (batch["weights"][place, ends[-1] :] == 0).all()
    assert len(set(batch["lessons"][0].tolist()) - {-1}) == len(rows[0])


def test_a_verdict_about_slots_is_what_the_taste_says(recipe: Any) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 2, 60, 11, 200)
    lessons = slots.SlotLessons(worlds, ChatEncoder(_tokenizer(recipe, worlds)))
    rng = np.random.default_rng(1)
    yes = lessons.encoder.answer_ids("Yes")[0]
    for _ in range(60):
        lesson = lessons.draw(rng, "verdict")
        item = lesson.encoded.item_slots[lesson.encoded.item_slots >= 0][-1]
        assert item // 60 == lesson.world
        rank = (lesson.scores > lesson.scores[item % 60]).sum()
        assert (rank < 30) == (yes in lesson.encoded.targets)
        assert (lesson.encoded.user_slots >= 0).sum() == 1
        assert lesson.weights.max() == slots.START_WEIGHTS["verdict"]


def test_candidates_in_slots_are_answered_in_the_order_of_the_taste(recipe: Any) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 1, 60, 11, 200)
    lessons = slots.SlotLessons(worlds, ChatEncoder(_tokenizer(recipe, worlds)))
    titles = lessons.writers[0].catalogue.titles
    rng = np.random.default_rng(1)
    for _ in range(20):
        lesson = lessons.draw(rng, "rank")
        targets = lesson.encoded.targets[lesson.encoded.targets != IGNORED]
        answer = lessons.encoder.tokenizer.decode(targets, skip_special_tokens=True).split("\n")
        scores = [lesson.scores[titles.index(title) - 1] for title in answer]
        assert len(scores) == 5 and scores == sorted(scores, reverse=True)
        items = lesson.encoded.item_slots[lesson.encoded.item_slots >= 0][-5:]
        assert {titles[item + 1] for item in items} == set(answer)
        assert (lesson.weights > 1).sum() == 5


@pytest.mark.parametrize("per_user", [1, 3])
def test_slots_hold_what_an_alignment_starts_from(recipe: Any, per_user: int) -> None:
    worlds = recipe.corpus.lesson_worlds(np.random.default_rng(0), 2, 60, 11, 200)
    encoder = ChatEncoder(_tokenizer(recipe, worlds), per_user)
    lessons = slots.SlotLessons(worlds, encoder)
    table = torch.randn(len(encoder.tokenizer), 64, generator=torch.Generator().manual_seed(0))
    vectors = slots.SlotVectors(lessons.token_ids(), per_user=per_user)
    vectors.refresh(table)
    rng = np.random.default_rng(2)
    before, lesson = (lessons.draw(rng, "verdict") for _ in range(2))
    batch = teaching.collate([[before, lesson]], len(before.encoded) + len(lesson.encoded))
    embeddings = torch.zeros(1, len(before.encoded) + len(lesson.encoded), 64)
    filled = vectors.fill(embeddings, batch)[0, len(before.encoded) :]
    words = item_words(table, lessons.token_ids()[lesson.world])
    places = lesson.encoded.item_slots >= 0
    assert torch.allclose(filled[places], words[lesson.encoded.item_slots[places] % 60], atol=1e-5)
    user = filled[lesson.encoded.user_slots >= 0]
    start = user_slots(ranking_map(words), torch.from_numpy(lesson.scores), words, n=per_user)
    assert len(start) == per_user and torch.allclose(user, start, rtol=1e-3, atol=1e-4)
    untouched = torch.from_numpy(~places & (lesson.encoded.user_slots < 0))
    assert (filled[untouched] == 0).all() and (embeddings == 0).all()


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
    teaching.save(tiny.llama(len(tokenizer)), tokenizer, tmp_path / "model")
    _, loaded = load_base(Llm(str(tmp_path / "model"), None, None, {}))
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
