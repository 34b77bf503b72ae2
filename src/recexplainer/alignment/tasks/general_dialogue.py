"""Task 5: general dialogue, to keep the LLM's language.

Source: section 3.2 "ShareGPT training". It has no score of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recexplainer.alignment.chat import Slot
from recexplainer.alignment.examples import Example
from recexplainer.alignment.prompts import Form, PromptWriter

NAME = "general_dialogue"


def make_examples(dialogues: Sequence[dict[str, Any]], n_dialogues: int) -> list[Example]:
    """The first `n_dialogues` conversations, as pairs of question and answer; a turn without its answer is left out."""
    examples = []
    for dialogue in dialogues[:n_dialogues]:
        turns = dialogue["turns"]
        pairs = [
            [first["content"], second["content"]]
            for first, second in zip(turns, turns[1:], strict=False)
            if first["role"] == "user" and second["role"] == "assistant"
        ]
        if pairs:
            examples.append(Example(NAME, "train", pairs[-1][1], turns=pairs))
    return examples


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The first question."""
    return [example.turns[0][0]]
