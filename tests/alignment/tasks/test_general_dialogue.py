from __future__ import annotations

from recexplainer.alignment.tasks.general_dialogue import make_examples
from tests import tiny


def test_questions_are_paired_with_their_answers() -> None:
    first, second = make_examples(tiny.dialogues(), 5)
    assert first.turns == [["Hello!", "Hello! How can I help?"], ["Thank you.", "You are welcome."]]
    assert second.turns == [["Hello!", "Hello! How can I help?"]]
    assert len(make_examples(tiny.dialogues(), 1)) == 1


def test_what_has_no_answer_or_no_question_is_left_out() -> None:
    turns = [
        {"role": "assistant", "content": "Welcome"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]
    [example] = make_examples([{"id": "x", "turns": turns}, {"id": "y", "turns": turns[:2]}], 5)
    assert example.turns == [["b", "c"]]
