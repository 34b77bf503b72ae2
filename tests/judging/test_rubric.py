from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recexplainer.data.catalogue import Catalogue
from recexplainer.demo.dialogues import explain
from recexplainer.demo.world import Game, make_world
from recexplainer.judging.rubric import judge_by_rubric
from tests.faithfulness.fakes import make_catalogue, make_record

TARGET = '"Ember Crown II - Nova 64"'  # item 2: Role-Playing, Nova 64, Crown Works
# The history: 1 "Ember Crown" (Role-Playing, Nova 64, Crown Works), 3 "Iron Drift - Nova 64" (Racing, Nova
# 64, Fox Labs), 5 'The "Quiet" Harbor' (Puzzle, Orbit 2, Fox Labs). Most are by Fox Labs and for Orbit 2.


def judged(catalogue: Catalogue, text: str, **changes: Any) -> tuple[str, dict[str, Any]]:
    verdict = {"Yes": "Yes", "No.": "No"}.get(text[:3])
    grade = judge_by_rubric(make_record(catalogue, text=text, verdict=verdict, **changes), catalogue)
    return grade.level, grade.reasons


def test_what_the_record_cites_is_what_is_judged(games: Catalogue) -> None:
    """The text is not resolved a second time: here its record was written of another history and another text."""
    record = make_record(text=f'Yes. {TARGET} is a Role-Playing game like "Ember Crown".')
    shown = replace(record, text=record.text.replace("Ember Crown", "Golden Hog!"))
    assert judge_by_rubric(shown, games).reasons["cited_titles"] == ["Ember Crown"]
    older = make_record(text=record.text, history=[3, 5])  # the user had item 1 before what is shown
    assert judge_by_rubric(older, games).reasons["unseen_titles"] == ["Ember Crown"]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        # the decision
        (f'No. {TARGET} is a Role-Playing game like "Ember Crown".', "A"),
        ("Perhaps.", "A"),
        ("", "A"),
        # no explanation, or an irrelevant one
        ("Yes.", "B"),
        ("Yes. It fits.", "B"),
        ("Yes. The user will surely enjoy this one very much.", "B"),
        (f"Yes. {TARGET} is a Role-Playing game for the Nova 64.", "B"),  # no item of the history
        ('Yes. The user played "The "Quiet" Harbor" a lot.', "B"),  # not about the item
        # what is not so
        (f'Yes. {TARGET} is a Role-Playing game like "Ember Crown" and "Golden Hog".', "B"),
        (f'Yes. {TARGET} is a Role-Playing game like "Ember Crown" and "Silent Valley".', "B"),  # never shown
        (f'Yes. {TARGET} is a Shooter game like "Ember Crown".', "B"),
        (f'Yes. {TARGET} is a Role-Playing game, like "Iron Drift - Nova 64", which the user played.', "B"),  # is none
        (f'Yes. {TARGET} is a Role-Playing game, like "Ember Crown" and "Iron Drift - Nova 64".', "B"),
        (f'Yes. {TARGET} is a Role-Playing game. Just as "Iron Drift - Nova 64", it is for the Nova 64.', "D"),
        (
            f'Yes. {TARGET} is a Racing game like "Iron Drift - Nova 64".',
            "B",
        ),  # holds for the other item only
        (f'Yes. {TARGET} belongs to the series of "Iron Drift - Nova 64".', "B"),
        (f'Yes. {TARGET} is a Role-Playing game, and the user played "Iron Drift - Nova 64", Racing too.', "B"),
        (f'Yes. {TARGET} is good, and the user played "Ember Crown", Role-Playing and Puzzle as well.', "B"),
        (f'Yes. {TARGET} is a Role-Playing game, but the user played Role-Playing games such as "Ember Crown".', "B"),
        # acceptable
        (f'Yes. {TARGET} is good, and the user played "Iron Drift - Nova 64" and likes Racing too.', "C"),
        (f'Yes. {TARGET} goes well with "Ember Crown".', "C"),
        (f'Yes. {TARGET} is a Role-Playing game, something new after "The "Quiet" Harbor".', "C"),
        (
            f'Yes. {TARGET} is one of the Video Games like "The "Quiet" Harbor".',
            "C",
        ),  # true of nearly everything
        (f'Yes. {TARGET} and "Iron Drift - Nova 64" are both Role-Playing games.', "B"),
        (f'Yes. {TARGET} and "Ember Crown" are both Role-Playing games.', "D"),
        (f'Yes. {TARGET} is a Role-Playing game for people who like "Iron Drift - Nova 64".', "C"),  # says of whom
        # satisfying
        (f'Yes. {TARGET} is a Role-Playing game like "Ember Crown".', "D"),
        (f'Yes. The user played "Iron Drift - Nova 64", and {TARGET} is for the Nova 64 too.', "D"),
        ('Yes. A Role-Playing game for the Nova 64, like "Ember Crown".', "D"),  # the item is not titled
        (f'Yes. {TARGET} belongs to the series of "Ember Crown".', "D"),
        (f'Yes. It is by Crown Works, as "Ember Crown" is, and no Shooter. {TARGET}!', "D"),
    ],
)
def test_levels_of_a_yes(games: Catalogue, text: str, level: str) -> None:
    assert judged(games, text)[0] == level, judged(games, text)[1]["because"]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (f'Yes. {TARGET} is a Role-Playing game like "Ember Crown".', "A"),
        (
            f'No. {TARGET} is a Role-Playing game, but he played "Iron Drift - Nova 64", a Racing game.',
            "D",
        ),
        (f'No. {TARGET} is a Role-Playing game but the user played Racing games such as "Iron Drift - Nova 64".', "D"),
        (f'No. {TARGET} is a Role-Playing game and the user played Racing games such as "Iron Drift - Nova 64".', "D"),
        (f'No. {TARGET} is a Role-Playing game while the user played Racing games like "Iron Drift - Nova 64".', "D"),
        (f'No. {TARGET} is for the Nova 64 although he played games for the Nova 64 like "Iron Drift - Nova 64".', "B"),
        (f'No. {TARGET} is a game for the Nova 64, and "Iron Drift - Nova 64" was enough of that.', "C"),
        (f'No. {TARGET} is a Role-Playing game, and no Racing game like "Iron Drift - Nova 64".', "D"),
        (f'No. {TARGET} is a Shooter game, but the user played "Iron Drift - Nova 64".', "B"),
    ],
)
def test_levels_of_a_no(games: Catalogue, text: str, level: str) -> None:
    assert judged(games, text, label="No")[0] == level, judged(games, text, label="No")[1]["because"]


def test_a_value_with_a_sign_ends_no_sentence() -> None:
    """What stands behind it was not seen to be set against the item in question."""
    items = [
        {"title": "Rust", "categories": ["Retro; Arcade", "Orbit"]},
        {"title": "Fox", "categories": ["Retro; Arcade", "Nova"]},
        *[{"title": f"Gate {number}", "categories": ["Puzzle"]} for number in "ABC"],
    ]
    catalogue = make_catalogue(items)
    for value, level in (("Retro; Arcade", "B"), ("Nova", "D")):
        text = f'No. "Rust" is a Retro; Arcade game, but the user played {value} games such as "Fox".'
        record = make_record(catalogue, text=text, verdict="No", label="No", item_id=1, history=[2])
        grade = judge_by_rubric(record, catalogue)
        assert grade.level == level, grade.reasons


def test_each_check_is_kept(games: Catalogue) -> None:
    _, reasons = judged(games, f'Yes. {TARGET} is a Racing game, like "Ember Crown", "Golden Hog", "Silent Valley".')
    assert reasons == {
        "because": "it names titles that were not shown: Silent Valley, Golden Hog; it makes false claims: Racing",
        "verdict_right": True,
        "n_words": 17,
        "cited_titles": ["Ember Crown"],
        "unseen_titles": ["Silent Valley", "Golden Hog"],
        "target_titled": True,
        "target_attributes": [],
        "shared_attributes": [],
        "differing_attributes": [],
        "false_attributes": ["Racing"],
    }


def test_true_explanations_are_never_faulted_and_spoiled_ones_always() -> None:
    """Explanations that are true by construction, of an invented world; then the same, one fact spoiled."""
    rng = np.random.default_rng(4)
    world = make_world(rng, 150)
    games = [replace(game, title=f"{game.title} ({row})") for row, game in enumerate(world.games)]
    catalogue = make_catalogue([_item(game) for game in games])
    levels, spoiled = [], []
    for _ in range(150):
        rows = rng.choice(len(games), size=7, replace=False)
        history, target = [games[row] for row in rows[:-1]], games[rows[-1]]
        verdict = str(rng.choice(["Yes", "No"]))
        text = explain(history, target, verdict)
        case = {
            "history": [int(row) + 1 for row in rows[:-1]],
            "item_id": int(rows[-1]) + 1,
            "label": verdict,
        }
        levels.append(judged(catalogue, text, **case)[0])
        wrong_title = text.replace(history[0].title, "Nobody's Game").replace(history[-1].title, "Nobody's Game")
        if wrong_title != text:
            spoiled.append(judged(catalogue, wrong_title, **case)[0])
        other = next(game for game in games if game.genre not in {g.genre for g in [*history, target]})
        spoiled.append(judged(catalogue, text.replace(f" {target.genre} ", f" {other.genre} "), **case)[0])
    assert set(levels) <= {"C", "D"} and levels.count("D") > 75
    assert set(spoiled) == {"B"}


def _item(game: Game) -> dict[str, Any]:
    return {
        "title": game.title,
        "brand": game.studio,
        "categories": ["Video Games", game.platform, game.genre],
        "features": game.features,
    }


@pytest.mark.parametrize(
    ("said", "false"),
    [
        ("is not a Role-Playing game", ["Role-Playing"]),
        ("is no Role-Playing game, but new", ["Role-Playing"]),
        ("isn't a Role-Playing game and was liked", ["Role-Playing"]),
        ("is not only a Role-Playing game", []),
        ("is not only a Racing game", ["Racing"]),
        ("is no doubt a Racing game", ["Racing"]),
        ("is not a Racing game", []),
        ("is not a Role-Playing game for the Orbit 2", []),
        ("is not a typical Role-Playing game", []),
        ("is not for the Orbit 2", []),
        ("is not for the Nova 64", ["Nova 64"]),
        ("is for the Nova III", ["Nova III"]),
        ("is not for the Nova III", []),
    ],
)
def test_a_denial_of_what_holds_and_a_value_of_no_item_are_false(games: Catalogue, said: str, false: list[str]) -> None:
    """Such texts got the highest level: they name an attribute that the item shares."""
    level, reasons = judged(games, f'Yes. {TARGET} {said}. The user played "Ember Crown".')
    assert reasons["false_attributes"] == false and (level == "B") == bool(false)


@pytest.mark.parametrize(
    ("beside", "is_true"),
    [
        ('"Iron Drift - Nova 64" for the Nova 64', True),
        ('"Iron Drift - Nova 64" and "Ember Crown" for the Nova 64', True),
        ('"The "Quiet" Harbor" for the Nova 64', False),  # the target bears it, not the cited item
        ('"The "Quiet" Harbor" and "Iron Drift - Nova 64" for the Nova 64', False),  # another cited item bears it
        ('"Iron Drift - Nova 64", "The "Quiet" Harbor", and "Ember Crown" for the Nova 64', False),
        ('"The "Quiet" Harbor" (Nova 64)', False),
        ('"The "Quiet" Harbor" and "Iron Drift - Nova 64" (Nova 64)', True),  # brackets speak of the title before them
        ('"Iron Drift - Nova 64" and "The "Quiet" Harbor" (Nova 64)', False),
        ('"Iron Drift - Nova 64", a Role-Playing game', False),
        ('"Iron Drift - Nova 64", a Racing game', True),
        ('"The "Quiet" Harbor" not for the Nova 64', True),  # denied
    ],
)
def test_an_attribute_beside_titles_must_hold_for_all_of_them(games: Catalogue, beside: str, is_true: bool) -> None:
    text = f"Yes. {TARGET} is a Role-Playing game for the Nova 64, and the user played {beside}."
    level, reasons = judged(games, text)
    assert (level != "B") == is_true, reasons["because"]
    assert bool(reasons["false_attributes"]) != is_true
