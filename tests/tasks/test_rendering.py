"""Every task's prompt in every form, word by word: language models are trained on these words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.prompts import FORMS, answer_text, readable
from recexplainer.tasks.known import TASKS
from recexplainer.tasks.rendering import render
from tests import tiny

GOLDEN = Path(__file__).with_name("prompts.txt")
USER = Example("next_item_retrieval", "test", [2], user_id=1, position=5, vector_row=4, history=[3, 5, 8, 1])
ITEM = Example("item_discrimination", "test", [5], items=[4])
ABOUT_ITEMS = (
    "title",
    "brand",
    "categories",
    "features",
    "description",
    "similar",
    "from_description",
    "from_features",
)
EXAMPLES = (
    USER,
    replace(USER, task="item_ranking", answer=[7, 6, 10], items=[6, 7, 10]),
    replace(USER, task="interest_classification", answer="Yes", items=[6]),
    replace(USER, task="interest_classification", answer="No", items=[6], aspect="explain"),
    replace(USER, task="evidence", answer=[8, 3], items=[6], aspect="Yes"),
    replace(USER, task="evidence", answer=wording.NO_EVIDENCE, items=[6], aspect="No"),
    *(replace(ITEM, aspect=aspect) for aspect in ABOUT_ITEMS),
    Example("general_dialogue", "test", "You are welcome.", turns=[["Hello!", "Hello! How can I help?"]]),
    replace(USER, task="history_reconstruction", answer=[1, 8, 5, 3]),
    replace(USER, task="user_summary", answer="This user likes Nova."),
    replace(USER, task="explanation", answer="No. It is not like Fox.", items=[6]),
)


def rendered() -> str:
    """A heading for each prompt, then its text and its answer."""
    writer = tiny.writer()
    return "\n".join(
        f"### {example.task} {example.aspect or '-'} {form}\n{readable(render(writer, example, form))}\n"
        f"=== {answer_text(writer, example)}\n"
        for example in EXAMPLES
        for form in FORMS
    )


def test_no_word_of_a_prompt_has_changed() -> None:
    """On purpose: write ``rendered()`` into prompts.txt, and train again whatever was trained on the old words."""
    assert rendered() == GOLDEN.read_text(encoding="utf-8")


def test_every_task_stands_among_the_golden_prompts() -> None:
    assert {example.task for example in EXAMPLES} == set(TASKS)
