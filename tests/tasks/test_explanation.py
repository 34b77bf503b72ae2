from __future__ import annotations

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.tasks import explanation, interest_classification
from recexplainer.tasks.rendering import fit_answers, render
from tests import tiny

ASKED = [
    Example(
        interest_classification.NAME, "train", answer, user_id=1, position=4, vector_row=1,
        history=[1, 2, 3], items=[item], aspect=interest_classification.EXPLAIN,
    )
    for item, answer in ((5, "Yes"), (6, "No"), (7, "Yes"))
]  # fmt: skip


def test_a_draft_answers_the_question_of_the_explanation_to_its_end() -> None:
    example = explanation.from_draft(ASKED[0], "Yes. It is like Fox.")
    assert example.task == explanation.NAME and example.answer == "Yes. It is like Fox."
    writer = tiny.writer()
    for form in ("behaviour", "intention", "both"):
        assert render(writer, example, form) == render(writer, ASKED[0], form)
    encoder = ChatEncoder(tiny.tokenizer())
    [encoded] = fit_answers(encoder, writer, example, "both", 1000)
    expected = [*encoder.answer_ids(str(example.answer)), encoder.end_ids[0]]
    assert encoded.targets[encoded.targets >= 0].tolist() == expected


def test_a_mode_is_reminded_in_the_form_in_which_it_explains() -> None:
    example = explanation.from_draft(ASKED[0], "Yes.")
    shares = {"behaviour": 0.2, "intention": 0.3, "both": 0.5}
    for mode in shares:
        assert explanation.form_shares(example, mode, shares) == {mode: 1.0}


def test_an_explanation_is_asked_for_its_verdict_and_for_a_title_of_the_history() -> None:
    titles = ["", *tiny.TITLES]
    texts = ["Yes. Like Rust.", "Yes. Like Fox.", "It is like Rust II."]  # to be: Yes, No, Yes; 8 is not in the history
    assert explanation.score(ASKED, texts, titles) == {"verdict_accuracy": 0.3333, "cites_history": 0.6667}
