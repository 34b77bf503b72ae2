from __future__ import annotations

from recexplainer.tasks.general_dialogue import make_examples, rouge_l, score
from tests import tiny
from tests.tasks import teacher


def test_questions_are_paired_with_their_answers() -> None:
    first, second = make_examples(teacher.of(dialogues=tiny.dialogues(), n_dialogues=5))
    assert first.turns == [["Hello!", "Hello! How can I help?"], ["Thank you.", "You are welcome."]]
    assert second.turns == [["Hello!", "Hello! How can I help?"]]
    assert len(make_examples(teacher.of(dialogues=tiny.dialogues(), n_dialogues=1))) == 1


def test_what_has_no_answer_or_no_question_is_left_out() -> None:
    turns = [
        {"role": "assistant", "content": "Welcome"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]
    [example] = make_examples(
        teacher.of(dialogues=[{"id": "x", "turns": turns}, {"id": "y", "turns": turns[:2]}], n_dialogues=5)
    )
    assert example.turns == [["b", "c"]]


def test_a_tenth_as_many_as_are_taught_are_asked() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    made = make_examples(teacher.of(dialogues=[{"id": str(n), "turns": turns} for n in range(40)], n_dialogues=20))
    assert [example.split for example in made] == ["train"] * 20 + ["test"] * 2
    assert [
        example.split
        for example in make_examples(teacher.of(dialogues=[{"id": "x", "turns": turns}] * 8, n_dialogues=8))
    ] == ["train"] * 8


def test_the_overlap_is_of_words_in_the_same_order() -> None:
    assert rouge_l("A b, c!", "a B c") == 1.0
    assert rouge_l("c b a", "a b c") == 1 / 3  # one of three words on both sides
    assert rouge_l("a x b y c", "a b c") == 2 * 3 / (5 + 3)
    assert rouge_l("", "a") == rouge_l("a", "...") == 0.0 and rouge_l("", "!") == 1.0
    examples = make_examples(teacher.of(dialogues=tiny.dialogues(), n_dialogues=5))
    assert score(examples, ["Hello! How can I help?", ""]) == {"rouge_l": 0.5}  # the first question's answer counts
