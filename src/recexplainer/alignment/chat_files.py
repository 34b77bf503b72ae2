"""Alignment examples as chat messages, for trainers and models of others.

TRL reads rows with `messages` of `role` and `content`; LLaMA-Factory reads the same ("sharegpt" formatting with the
tags of OpenAI) where `dataset_info.json` says so. Where a prompt holds a vector of the recommender, its text holds a
mark, and `slots` says which vector belongs there; a title that looks like a mark has no slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter, answer_text
from recexplainer.tasks import interest_classification
from recexplainer.tasks.known import PREDICTIONS, TASKS
from recexplainer.tasks.rendering import render

MARKS = {"user": "<|user_vector|>", "item": "<|item_vector|>"}
API_COLUMNS = ("id", "task", "split", "user_id", "position", "item_ids", "prompt", "answer")

Row = dict[str, Any]
Numbered = Iterable[tuple[str, Example]]  # an id that no other example has, and the example


def task_rows(writer: PromptWriter, examples: Numbered, mode: str, both_forms: Mapping[str, float]) -> Iterator[Row]:
    """Questions and answers of all tasks: for training in every form that the mode trains in, else in the mode's own.

    Questions in the explanation's words are in `explanation_rows`: their answer is a verdict alone, after which an
    explainer is to go on. Drafted explanations of training users are a task like the others.
    """
    for name, example in examples:
        if _asks_to_explain(example):
            continue
        for form in _forms(example, mode, both_forms):
            yield _row(writer, name, example, form, mode)


def explanation_rows(writer: PromptWriter, examples: Numbered, mode: str) -> Iterator[Row]:
    """Questions in the explanation's words, in the mode's own form; the answer is the recommender's verdict."""
    form: Any = mode
    for name, example in examples:
        if _asks_to_explain(example):
            yield _row(writer, name, example, form, mode)


def api_rows(writer: PromptWriter, examples: Numbered) -> Iterator[Row]:
    """The questions that a model without vectors can be asked, one prompt each, in words."""
    for name, example in examples:
        if example.task in PREDICTIONS:
            row = _row(writer, name, example, "behaviour", "behaviour")
            prompt, answer = (message["content"] for message in row["messages"])
            row |= {"id": name, "item_ids": " ".join(map(str, example.items)), "prompt": prompt, "answer": answer}
            yield {column: row[column] for column in API_COLUMNS}


def dataset_info(files: Sequence[str]) -> Row:
    """LLaMA-Factory's description of files of chat messages, by their names without the ending."""
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    return {
        file.removesuffix(".json"): {
            "file_name": file,
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {**tags, "system_tag": "system"},
        }
        for file in files
    }


def _asks_to_explain(example: Example) -> bool:
    return example.task == interest_classification.NAME and example.aspect == interest_classification.EXPLAIN


def _forms(example: Example, mode: str, both_forms: Mapping[str, float]) -> list[Form]:
    shares = TASKS[example.task].form_shares(example, mode, both_forms)
    if example.split != "train":
        return [form for form in shares if form == mode] or list(shares)
    return [form for form, share in shares.items() if share]


def _row(writer: PromptWriter, name: str, example: Example, form: Form, mode: str) -> Row:
    slots: list[Row] = []
    if example.turns:
        messages = [message for turn in example.turns for message in _turn(*turn)]
    else:
        text = ""
        for piece in render(writer, example, form):
            if isinstance(piece, Slot):
                slots.append({"kind": piece.kind, "row": piece.row, "message": 0, "start": len(text)})
            text += MARKS[piece.kind] if isinstance(piece, Slot) else piece
        messages = _turn(text, answer_text(writer, example))
    return {
        "id": f"{name}-{form}",
        "task": f"{example.task}/{example.aspect}" if example.aspect else example.task,
        "split": example.split,
        "form": form,
        "user_id": example.user_id,
        "position": example.position,
        "item_ids": example.items,
        "messages": messages,
        **({} if mode == "behaviour" else {"slots": slots}),
    }


def _turn(question: str, answer: str) -> list[Row]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
