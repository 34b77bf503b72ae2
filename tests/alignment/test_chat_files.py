from __future__ import annotations

import pytest

from recexplainer.alignment.building import build_examples
from recexplainer.alignment.chat_files import MARKS, api_rows, dataset_info, explanation_rows, task_rows
from recexplainer.data.examples import Example
from tests import tiny

ALL_FORMS = {"behaviour": 1.0, "intention": 1.0, "both": 0.3}
MIXED_ONLY = {"behaviour": 0.0, "intention": 0.0, "both": 1.0}


@pytest.fixture(scope="module")
def numbered() -> list[tuple[str, Example]]:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    examples = build_examples(*given, tiny.settings().build_alignment, seed=1)[0]
    return [(f"example-{line}", example) for line, example in enumerate(examples, start=1)]


def one(task: str, aspect: str = "", split: str = "train") -> list[tuple[str, Example]]:
    answers = {"next_item_retrieval": [8], "interest_classification": "Yes", "item_discrimination": [6]}
    user = {} if task == "item_discrimination" else {"user_id": 4, "position": 2, "vector_row": 5, "history": [6, 1]}
    items = [] if task == "next_item_retrieval" else [6]
    return [("example-1", Example(task, split, answers[task], items=items, aspect=aspect, **user))]  # type: ignore[arg-type]


def test_a_row_of_text() -> None:
    assert list(task_rows(tiny.writer(), one("next_item_retrieval"), "behaviour", ALL_FORMS)) == [
        {
            "id": "example-1-behaviour",
            "task": "next_item_retrieval",
            "split": "train",
            "form": "behaviour",
            "user_id": 4,
            "position": 2,
            "item_ids": [],
            "messages": [
                {
                    "role": "user",
                    "content": "History, oldest first:\nSlot <item> Machine (Nova)\nRust (Orbit)\n"
                    "Which item does the recommender rank first for this user? Answer with its title.",
                },
                {"role": "assistant", "content": "Fox"},
            ],
        }
    ]


def test_vectors_are_marks_with_the_rows_that_belong_there() -> None:
    rows = list(task_rows(tiny.writer(), one("interest_classification"), "both", MIXED_ONLY))
    assert [row["form"] for row in rows] == ["both"]
    text = rows[0]["messages"][0]["content"]
    assert text.startswith(f"User: {MARKS['user']}\nHistory, oldest first:\n{MARKS['item']} Slot <item> Machine (Nova)")
    assert [(slot["kind"], slot["row"]) for slot in rows[0]["slots"]] == [
        ("user", 5),
        ("item", 6),
        ("item", 1),
        ("item", 6),
    ]
    for slot in rows[0]["slots"]:
        assert slot["message"] == 0 and text[slot["start"] :].startswith(MARKS[slot["kind"]])


def test_training_rows_come_in_all_forms_of_the_mode_and_others_in_its_own() -> None:
    def forms(mode: str, split: str, task: str = "interest_classification", aspect: str = "") -> list[str]:
        return [row["form"] for row in task_rows(tiny.writer(), one(task, aspect, split), mode, ALL_FORMS)]

    assert forms("both", "train") == ["behaviour", "intention", "both"]
    assert forms("both", "test") == forms("both", "valid") == ["both"]
    assert forms("intention", "train") == ["intention"]
    assert forms("both", "test", "item_discrimination", "title") == ["intention"]  # never beside its title
    assert forms("behaviour", "test", "item_discrimination", "title") == []


def test_a_verdict_that_is_to_be_explained_is_no_whole_answer() -> None:
    """Taught as one it would end explanations after their first word."""
    asked = one("interest_classification", "explain", "valid")
    assert list(task_rows(tiny.writer(), asked, "both", ALL_FORMS)) == []
    rows = list(explanation_rows(tiny.writer(), asked, "both"))
    assert [(row["task"], row["form"]) for row in rows] == [("interest_classification/explain", "both")]
    assert rows[0]["messages"][1] == {"role": "assistant", "content": "Yes"}
    assert "Answer Yes or No and explain" in rows[0]["messages"][0]["content"]
    assert list(explanation_rows(tiny.writer(), one("interest_classification"), "both")) == []


@pytest.mark.parametrize("mode", ["behaviour", "intention", "both"])
def test_trainers_can_read_every_row(numbered: list[tuple[str, Example]], mode: str) -> None:
    rows = list(task_rows(tiny.writer(), numbered, mode, ALL_FORMS))
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({tuple(row) for row in rows}) == 1  # the same columns everywhere
    for row in rows:
        roles = [message["role"] for message in row["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) and roles
        assert all(set(message) == {"role", "content"} and message["content"] for message in row["messages"])
        assert mode == "behaviour" or len(row["slots"]) >= (row["form"] != "behaviour")
    tasks = {row["task"].split("/")[0] for row in rows}
    known = {"next_item_retrieval", "item_ranking", "interest_classification", "item_discrimination", "user_summary"}
    known |= {"history_reconstruction"} if mode != "behaviour" else set()
    known |= {"evidence"} if mode != "intention" else set()
    assert tasks == known | {"general_dialogue"}
    longest = max(rows, key=lambda row: len(row["messages"]))
    assert [message["content"] for message in longest["messages"]][0] == "Hello!" and len(longest["messages"]) == 4


def test_prompts_for_an_api_are_text(numbered: list[tuple[str, Example]]) -> None:
    test = [(name, example) for name, example in numbered if example.split == "test"]
    rows = list(api_rows(tiny.writer(), test))
    assert len({row["id"] for row in rows}) == len(rows) == 4 + 4 + 4 * 4
    assert list(rows[0]) == ["id", "task", "split", "user_id", "position", "item_ids", "prompt", "answer"]
    assert all("_vector|>" not in row["prompt"] and row["answer"] for row in rows)
    explained = [row for row in rows if row["task"] == "interest_classification/explain"]
    assert len(explained) == 8 and all(row["item_ids"].isdecimal() for row in explained)


def test_llama_factory_is_told_of_each_file() -> None:
    assert dataset_info(["both_train.json"]) == {
        "both_train": {
            "file_name": "both_train.json",
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }
    }
