"""The demo LLM learns the words of a catalogue of one's own."""

from __future__ import annotations

import doctest
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from recexplainer import store
from recexplainer.core.settings import Llm
from recexplainer.demo.world import make_world
from recexplainer.llm.base_model import load_base
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.prompting.prompts import PromptWriter
from tests.conftest import REPOSITORY


@pytest.fixture
def writer(recipe: Any) -> PromptWriter:
    return PromptWriter(recipe.slots.world_catalogue(make_world(np.random.default_rng(4), 40)), 2)


def test_a_catalogue_becomes_a_world_of_lessons(recipe: Any, writer: PromptWriter) -> None:
    world = recipe.adapt.world_of(writer)
    assert [game.title for game in world.games] == writer.catalogue.titles[1:]
    assert [[game.platform, game.genre] for game in world.games] == [writer.categories(item) for item in range(1, 41)]
    assert 5 < len(world.franchises) < 40
    questions = [turns[0][0] for turns in islice(recipe.adapt.conversations(np.random.default_rng(0), world), 60)]
    assert any(question.startswith("Repeat:") for question in questions)
    assert len({question.split("\n")[0] for question in questions}) > 3


def test_tastes_favour_what_is_alike_and_follow_the_seed(recipe: Any, writer: PromptWriter) -> None:
    world = recipe.adapt.world_of(writer)
    texts = [writer.item_text(item) for item in range(1, writer.catalogue.n_items + 1)]
    tastes = recipe.adapt.Tastes(world, texts)
    drawn = [[tastes(np.random.default_rng(seed), world) for seed in range(40)] for _ in range(2)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0][0], drawn[0][1])
    scores = np.array(drawn[0])
    platforms = np.array([game.platform for game in world.games])
    between = [scores[:, platforms == name].mean(axis=1) for name in set(platforms)]
    assert np.var(between, axis=0).mean() > 0.1


def test_what_a_user_has_seen_does_not_count_in_the_slot(recipe: Any, writer: PromptWriter) -> None:
    world = recipe.adapt.world_of(writer)
    texts = [writer.item_text(item) for item in range(1, writer.catalogue.n_items + 1)]
    tokenizer, _ = recipe.vocabulary.extend_tokenizer(
        recipe.adapt.AutoTokenizer.from_pretrained(REPOSITORY / "demo_llm" / "model"), texts, 50
    )
    lessons = recipe.slots.SlotLessons(
        [world], ChatEncoder(tokenizer), [writer], recipe.adapt.KINDS, recipe.adapt.IN_WORDS,
        recipe.adapt.Tastes(world, texts), hides_history=True,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    for _ in range(20):
        lesson = lessons.draw(rng, "first")
        targets = lesson.encoded.targets[lesson.encoded.targets >= 0]
        best = writer.catalogue.titles[1 + int(lesson.scores.argmax())]
        assert tokenizer.decode(targets, skip_special_tokens=True) == best
        assert 2 <= np.isneginf(lesson.scores).sum() <= 8
        assert (lesson.encoded.item_slots < 0).all()  # no history beside the slot


def test_the_adapted_model_is_a_base_that_knows_the_titles(
    recipe: Any, writer: PromptWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / store.CATALOGUE
    path.parent.mkdir(parents=True)
    frame = writer.catalogue.frame
    frame.assign(title="Zqwrx " + frame["title"]).to_parquet(path)
    params = yaml.safe_load((REPOSITORY / "demo_llm" / "params.yaml").read_text())
    params["adapt"] |= {"steps": 2, "rows_per_step": 1, "n_tokens": 30, "workers": 0, "warmup_steps": 1}
    monkeypatch.setattr(recipe.adapt.yaml, "safe_load", lambda _: params)
    monkeypatch.setattr(recipe.train, "N_EVALUATED", 1)
    assert recipe.adapt.main(["--out", "llm"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"data", "llm"}
    model, tokenizer = load_base(Llm("llm", None, None, {}))
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer) > 1628
    assert "ĠZqwrx" in tokenizer.get_vocab() or "Zqwrx" in tokenizer.get_vocab()


def test_without_a_catalogue_it_says_what_to_run(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert recipe.adapt.main(["--out", "llm"]) == 2
    assert capsys.readouterr().err.startswith("error: ") and not (tmp_path / "llm").exists()


def test_a_catalogue_that_is_too_small_is_refused(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / store.CATALOGUE).parent.mkdir(parents=True)
    recipe.slots.world_catalogue(make_world(np.random.default_rng(4), 12)).frame.to_parquet(tmp_path / store.CATALOGUE)
    assert recipe.adapt.main(["--out", "llm"]) == 2
    assert "12 items" in capsys.readouterr().err and not (tmp_path / "llm").exists()


def test_the_examples_of_the_adaptation_hold(recipe: Any) -> None:
    outcome = doctest.testmod(recipe.adapt)
    assert outcome.attempted > 0 and outcome.failed == 0
