"""The demo LLM learns the words of a catalogue of one's own."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from recexplainer import store
from recexplainer.alignment.adaptation import adapt as adaptation
from recexplainer.alignment.adaptation import teaching
from recexplainer.alignment.adaptation.adapt import IN_WORDS, KINDS, adapt, new_words
from recexplainer.alignment.adaptation.catalogue_world import Tastes, conversations, lessons_in_words, world_of
from recexplainer.alignment.adaptation.slots import SlotLessons, world_catalogue
from recexplainer.alignment.adaptation.vocabulary import extend_tokenizer
from recexplainer.core.settings import load_settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.demo.dialogues import history_and_target
from recexplainer.demo.domain import GAMES, Domain
from recexplainer.demo.world import World, make_world
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.prompting.prompts import PromptWriter
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

BASE = REPOSITORY / store.EMBEDDED_LLM
SHORT = replace(
    load_settings(REPOSITORY / "params.yaml").adapt_llm,
    steps=4, rows_per_step=1, n_tokens=30, workers=0, warmup_steps=1, logging_steps=1, save_steps=2,
)  # fmt: skip


@pytest.fixture
def writer() -> PromptWriter:
    return PromptWriter(world_catalogue(make_world(np.random.default_rng(4), 40)), 2)


def texts_of(writer: PromptWriter) -> list[str]:
    return [writer.item_text(item) for item in range(1, writer.catalogue.n_items + 1)]


def test_a_catalogue_becomes_a_world_of_lessons(writer: PromptWriter) -> None:
    world = world_of(writer)
    assert [game.title for game in world.games] == writer.catalogue.titles[1:]
    assert [[game.platform, game.genre] for game in world.games] == [writer.categories(item) for item in range(1, 41)]
    assert 5 < len(world.franchises) < 40
    questions = [turns[0][0] for turns in islice(conversations(np.random.default_rng(0), world), 60)]
    assert any(question.startswith("Repeat:") for question in questions)
    assert len({question.split("\n")[0] for question in questions}) > 3


def test_histories_of_lessons_hold_a_taste_in_any_catalogue() -> None:
    """Of a user who likes some kinds of items: a history drawn from all items would hold four or five platforms."""
    invented = make_world(np.random.default_rng(4), 400)
    games = [replace(game, genre=f"{game.genre} of old") for game in invented.games]
    writer = PromptWriter(world_catalogue(World(games, invented.platforms, [])), 2)
    world, rng = world_of(writer), np.random.default_rng(0)
    histories = [history for history, _ in (history_and_target(rng, world) for _ in range(200)) if len(history) > 5]
    few = [len({game.platform for game in history}) <= 3 for history in histories]
    assert np.mean(few) > 0.6


def test_lessons_about_films_speak_of_films(writer: PromptWriter) -> None:
    def said(noun: str) -> str:
        talks = islice(conversations(np.random.default_rng(0), world_of(writer, Domain(noun))), 300)
        return "\n".join(text for turns in talks for turn in turns for text in turn)

    films, games = said("film"), said("game")
    assert " films" in films and "watched" in films
    assert not [word for word in (" game ", " games", " played", " plays ") if word in films]
    assert " games" in games and "played" in games and "film" not in games
    assert " for the " not in games  # a real catalogue's first category need not be a console


def test_a_catalogue_without_categories_asks_for_none_and_claims_none(writer: PromptWriter) -> None:
    frame = writer.catalogue.frame
    bare = PromptWriter(Catalogue(frame.assign(categories=[[] for _ in range(len(frame))])), 2)
    world = world_of(bare, Domain("book"))
    assert "_lesson_filter" not in [lesson.__name__ for lesson, _ in lessons_in_words(world)]
    talks = list(islice(conversations(np.random.default_rng(1), world), 300))
    assert not [
        text for turns in talks for turn in turns for text in turn if "  " in text or "()" in text or ", ," in text
    ]
    assert not [answer for turns in talks for _, answer in turns if answer.strip().endswith(",")]


def test_tastes_favour_what_is_alike_and_follow_the_seed(writer: PromptWriter) -> None:
    world = world_of(writer)
    tastes = Tastes(world, texts_of(writer))
    drawn = [[tastes(np.random.default_rng(seed), world) for seed in range(40)] for _ in range(2)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0][0], drawn[0][1])
    scores = np.array(drawn[0])
    platforms = np.array([game.platform for game in world.games])
    between = [scores[:, platforms == name].mean(axis=1) for name in set(platforms)]
    assert np.var(between, axis=0).mean() > 0.1


@pytest.mark.parametrize("text", ["{0}{1}之戰", "{0}{1} 之戰", "{0} 大 之戰 {1}"])
def test_tastes_need_no_words_that_titles_share(writer: PromptWriter, text: str) -> None:
    """Titles in Chinese: one word each, with one word that all share, and with two."""
    frame = writer.catalogue.frame
    titles = [text.format(chr(0x4E00 + 37 * item), chr(0x6E00 + item)) for item in range(len(frame))]
    bare = PromptWriter(Catalogue(frame.assign(title=titles, categories=[[] for _ in titles])), 2)
    tastes = Tastes(world_of(bare), texts_of(bare))
    assert np.isfinite(tastes(np.random.default_rng(0), world_of(bare))).all()


def test_titles_become_tokens_before_the_tags_of_single_items(writer: PromptWriter) -> None:
    frame = writer.catalogue.frame
    tagged = [[("Strategy", "Puzzle")[number % 2], f"tag {number}"] for number in range(len(frame))]
    names = new_words(PromptWriter(Catalogue(frame.assign(categories=tagged)), 2))
    assert names == ["Strategy", "Puzzle", *frame["title"], *(tags[1] for tags in tagged)]


def test_what_a_user_has_seen_does_not_count_in_the_slot(writer: PromptWriter) -> None:
    world, texts = world_of(writer), texts_of(writer)
    tokenizer, _ = extend_tokenizer(AutoTokenizer.from_pretrained(BASE), texts, 50)
    lessons = SlotLessons(
        [world], ChatEncoder(tokenizer), [writer], KINDS, IN_WORDS, Tastes(world, texts), hides_history=True
    )
    rng = np.random.default_rng(3)
    for _ in range(20):
        lesson = lessons.draw(rng, "first")
        targets = lesson.encoded.targets[lesson.encoded.targets >= 0]
        best = writer.catalogue.titles[1 + int(lesson.scores.argmax())]
        assert tokenizer.decode(targets, skip_special_tokens=True) == best
        assert 2 <= np.isneginf(lesson.scores).sum() <= 8
        assert (lesson.encoded.item_slots < 0).all()  # no history beside the slot


def test_an_interrupted_adaptation_resumes_with_the_lessons_that_follow(
    writer: PromptWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(teaching, "N_EVALUATED", 1)

    def learn(folder: str, stop_at: int = 0) -> dict[int, float]:
        losses = {}

        def on_log(curves: dict[str, float], step: int) -> None:
            losses[step] = curves["loss"]
            if step == stop_at:
                raise KeyboardInterrupt

        torch.manual_seed(0)
        adapted = adapt(BASE, writer, GAMES, SHORT, 5, tmp_path / folder, on_log)
        assert 0 <= adapted.metrics["slot_title"] <= 1
        return losses

    whole = learn("whole")
    with pytest.raises(KeyboardInterrupt):
        learn("broken", stop_at=3)
    capsys.readouterr()
    resumed = learn("broken")
    said = capsys.readouterr().out
    assert "resumes from step 2 of 4" in said and "minutes left" in said
    assert resumed == pytest.approx({step: whole[step] for step in (3, 4)}, rel=0.05)  # the same lessons


def test_other_lessons_do_not_resume_from_these(
    writer: PromptWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(teaching, "N_EVALUATED", 1)
    for seed in (5, 6):
        adaptation.adapt(BASE, writer, GAMES, SHORT, seed, tmp_path / "checkpoints", lambda curves, step: None)
    assert "resumes" not in capsys.readouterr().out and len(list((tmp_path / "checkpoints").iterdir())) == 2
