from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from recexplainer.data.readers.sharegpt import read_dialogues
from recexplainer.demo.dialogues import (
    LESSONS,
    explain,
    history_block,
    item_line,
    make_conversation,
    make_dialogues,
    summarise,
)
from recexplainer.demo.domain import Domain
from recexplainer.demo.world import make_world
from recexplainer.prompting import wording

WORLD = make_world(np.random.default_rng(0), 60)
BY_TITLE = {game.title: game for game in WORLD.games}


@pytest.mark.parametrize("lesson", [lesson for lesson, _ in LESSONS], ids=lambda lesson: lesson.__name__)
def test_a_lesson_asks_and_answers_and_depends_on_the_generator_alone(lesson) -> None:  # type: ignore[no-untyped-def]
    for seed in range(30):
        turns = lesson(np.random.default_rng(seed), WORLD)
        assert turns == lesson(np.random.default_rng(seed), WORLD)
        assert 1 <= len(turns) <= 2
        assert all(question.strip() == question and answer.strip() == answer != "" for question, answer in turns)


@pytest.mark.parametrize("verdict", ["Yes", "No"])
def test_an_explanation_is_true_of_the_history_and_of_the_item(verdict: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        games = [WORLD.games[int(row)] for row in rng.choice(60, size=6, replace=False)]
        history, target = games[:5], games[5]
        text = explain(history, target, verdict)
        assert text.startswith(f'{verdict}. "{target.title}"')
        cited = re.findall(r'"([^"]+)"', text)
        assert {title for title in cited if title != target.title} <= {game.title for game in history}
        if " for the " in text and "but" in text:
            [platform] = re.findall(r"the user played .* for the (.+)\.$", text) or [None]
            for title in cited[1:]:
                assert platform is None or BY_TITLE[title].platform == platform
        if "belongs to the series of" in text:
            first = re.findall(r'series of "([^"]+)"', text)[0]
            assert BY_TITLE[first].franchise == target.franchise


def test_what_no_prompt_can_tell_is_left_to_chance() -> None:
    rng = np.random.default_rng(0)
    lessons = {lesson.__name__: lesson for lesson, _ in LESSONS}
    verdicts = [lessons["_lesson_verdict"](rng, WORLD)[0][1] for _ in range(400)]
    assert 0.4 < np.mean([verdict == wording.YES for verdict in verdicts]) < 0.6
    first = 0
    for _ in range(200):
        [(question, answer)] = lessons["_lesson_rank"](rng, WORLD)
        candidates = question.split(wording.ITEM_RANKING + "\n")[1].split("\n")
        assert sorted(candidates) == sorted(answer.split("\n"))
        first += candidates[0] == answer.split("\n")[0]
    assert 0.1 < first / 200 < 0.3


def test_the_prompts_words_are_those_of_the_alignment() -> None:
    game = WORLD.games[0]
    assert item_line(game) == f"{game.title} ({game.platform}, {game.genre})"
    assert history_block([game]) == f"{wording.HISTORY}\n{item_line(game)}"


def test_a_summary_names_what_is_most_frequent() -> None:
    history = sorted(WORLD.games, key=lambda game: game.platform)[:6]
    platforms = [game.platform for game in history]
    text = summarise(history)
    assert f"games for the {max(set(platforms), key=platforms.count)}" in text


def test_a_summary_cites_items_with_what_it_names_be_other_categories_unknown() -> None:
    """In a shop that knows brands alone, every second category is unknown, and all items were examples of any brand."""
    brands = ["Ulta", "Ulta", "Pho", "", "Petco"]
    history = [replace(game, platform=brand, genre="") for game, brand in zip(WORLD.games, brands, strict=False)]
    titles, cards = [game.title for game in history], Domain("gift card")
    assert summarise(history, cards) == f'This user buys Ulta gift cards, such as "{titles[1]}" and "{titles[0]}".'
    kinds = [replace(game, platform="", genre=game.platform) for game in history]
    assert summarise(kinds, cards) == summarise(history, cards)
    unknown = [replace(game, platform="") for game in history]
    assert summarise(unknown, cards) == f'This user buys gift cards, such as "{titles[4]}" and "{titles[3]}".'


def test_dialogues_are_sharegpt_that_the_reader_takes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = make_dialogues(np.random.default_rng(0), 45)
    assert made == make_dialogues(np.random.default_rng(0), 45) and len(made) == 45
    path = tmp_path / "dialogues.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    read, _ = read_dialogues(path)
    assert [[turn["content"] for turn in one["turns"]] for one in read] == [
        [turn["value"] for turn in one["conversations"]] for one in made
    ]


def test_a_conversation_is_one_of_the_lessons() -> None:
    drawn = [make_conversation(np.random.default_rng(seed), WORLD) for seed in range(40)]
    assert len({str(turns) for turns in drawn}) == 40
