from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recexplainer.alignment.api_baseline import FIVE_ITEMS, INSTRUCTIONS, evaluate_by_api, messages, read_titles
from recexplainer.api.cache import AnswerCache
from recexplainer.api.request import ApiSettings
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from tests import tiny
from tests.api.fake_server import FakeServer, Reply, completion, error

BEST = {(1, 3): [9, 8, 7, 6, 5, 4]}
SHOWN = {
    "next_item_retrieval": [Example("next_item_retrieval", "train", [9], 1, 3, history=[1, 2])],
    "item_ranking": [Example("item_ranking", "train", [3, 4], 1, 3, history=[1, 2], items=[4, 3])],
    "interest_classification": [Example("interest_classification", "train", "Yes", 1, 3, history=[1, 2], items=[9])],
}


def asked(task: str, answer: Any, user: int, items: list[int] | None = None) -> Example:
    return Example(task, "test", answer, user, 2, history=[user], items=items or [])


def settings_for(server: FakeServer) -> Any:
    where = "evaluate_baselines.in_context"
    chosen = tiny.settings(f"{where}.base_url={server.base_url}", f"{where}.model=some-model")
    return ApiSettings(chosen.evaluate_baselines.in_context, 7)


def test_the_solved_questions_are_turns_of_a_conversation() -> None:
    writer = tiny.writer()
    said = messages(writer, SHOWN["next_item_retrieval"], asked("next_item_retrieval", [7], 3), BEST)
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]
    assert said[0]["content"] == INSTRUCTIONS
    assert said[1]["content"] == f"History, oldest first:\nRust (Orbit)\nRust II (Nova)\n{FIVE_ITEMS}"
    assert said[2]["content"].splitlines() == [tiny.TITLES[item - 1] for item in (9, 8, 7, 6, 5)]
    assert said[3]["content"] == f"History, oldest first:\nRust; Bone; Glory (Orbit)\n{FIVE_ITEMS}"
    said = messages(writer, SHOWN["item_ranking"], asked("item_ranking", [7, 8], 3, [8, 7]), BEST)
    assert said[2]["content"] == 'Rust; Bone; Glory\nThe "Quiet" Harbor'
    assert said[3]["content"].endswith("one title per line:\nFox\nEnd <|end|> Game")


def test_titles_are_read_in_the_ways_that_models_write_lists() -> None:
    text = '1. Fox\n2) "Iron Wolf"\n\n- The "Quiet" Harbor\n* **Amber Gate**\nRust; Bone; Glory\nfox\n'
    assert read_titles(tiny.catalogue(), text) == [8, 12, 4, 10, 3, None]


def test_scores_by_hand(server: FakeServer, tmp_path: Path) -> None:
    questions = {
        "next_item_retrieval": [
            asked("next_item_retrieval", [8], 1),  # second of its lines
            asked("next_item_retrieval", [8], 2),  # sixth: too late
        ],
        "item_ranking": [
            asked("item_ranking", [3, 4, 5], 3, [5, 4, 3]),  # right
            asked("item_ranking", [3, 4, 5], 4, [5, 4, 3]),  # one is missing
        ],
        "interest_classification": [
            asked("interest_classification", "Yes", 5, [9]),
            asked("interest_classification", "No", 6, [9]),  # answered Yes
            asked("interest_classification", "No", 7, [9]),  # no verdict
            asked("interest_classification", "No", 8, [9]),  # no answer
        ],
    }
    titles = tiny.TITLES
    replies: dict[str, Reply] = {
        "1": completion(f"Nonsense\n{titles[7]}"),
        "2": completion("\n".join(titles[place] for place in (0, 1, 2, 3, 4, 7))),
        "3": completion("\n".join(titles[place] for place in (2, 3, 4))),
        "4": completion(f"{titles[2]}\n{titles[3]}"),
        "5": completion("Yes."),
        "6": completion("yes, since"),
        "7": completion("It depends."),
        "8": error(500),
    }
    users = {titles[user - 1]: str(user) for user in range(1, 9)}
    server.reply = lambda message, *_: replies[users[message.splitlines()[1].split(" (O")[0].split(" (N")[0]]]
    with AnswerCache(tmp_path / "cache") as cache:
        metrics, found = evaluate_by_api(tiny.writer(), SHOWN, questions, BEST, settings_for(server), cache)
    assert metrics["next_item_retrieval"] == {"hr@5": 0.5, "ndcg@5": 0.3155, "invalid_rate": 0.1429}  # 1 of 7 titles
    assert metrics["item_ranking"]["invalid_rate"] == 0.5 and metrics["item_ranking"]["kendall_tau"] == 0.5
    assert metrics["interest_classification"] == {"accuracy": 0.3333, "invalid_rate": 0.3333}
    assert metrics["n_examples"] == {"next_item_retrieval": 2, "item_ranking": 2, "interest_classification": 3}
    assert metrics["n_failed"] == {"next_item_retrieval": 0, "item_ranking": 0, "interest_classification": 1}
    assert found.n_calls == 8 + 1
    replies["8"] = completion("No")
    with AnswerCache(tmp_path / "cache") as cache:
        again, found = evaluate_by_api(tiny.writer(), SHOWN, questions, BEST, settings_for(server), cache)
    assert (found.n_calls, found.n_from_cache) == (1, 7)  # what was not answered is asked again, and nothing else
    assert again["interest_classification"] == {"accuracy": 0.5, "invalid_rate": 0.25}


def test_a_model_that_thinks_is_given_room_and_its_answer_is_read(server: FakeServer, tmp_path: Path) -> None:
    where = "evaluate_baselines.in_context"
    more = [f"{where}.{change}" for change in (f"base_url={server.base_url}", "model=m", "max_answer_tokens=4000")]
    chosen = tiny.settings(*more, f"{where}.reasoning_effort=low").evaluate_baselines.in_context
    server.reply = lambda *_: completion("<think>No, or</think>Yes.")
    questions = {"interest_classification": [asked("interest_classification", "Yes", 5, [9])]}
    with AnswerCache(tmp_path / "cache") as cache:
        metrics, _ = evaluate_by_api(tiny.writer(), SHOWN, questions, BEST, ApiSettings(chosen, 7), cache)
    assert metrics["interest_classification"] == {"accuracy": 1.0, "invalid_rate": 0.0}
    assert (server.bodies[0]["max_tokens"], server.bodies[0]["reasoning_effort"]) == (4000, "low")


@pytest.mark.parametrize("change", ["answerers=[gpt]", "answerers=[api, api]", "n_shown=0", "n_questions=0"])
def test_bad_settings_are_one_clear_line(change: str) -> None:
    with pytest.raises(InputError, match=rf"evaluate_baselines.in_context.{change.split('=')[0]}(\[0\])? must be"):
        tiny.settings(f"evaluate_baselines.in_context.{change}")
