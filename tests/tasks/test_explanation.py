from __future__ import annotations

from dataclasses import replace

import numpy as np

from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.tasks import evidence, explanation, interest_classification
from recexplainer.tasks.rendering import fit_answers, render
from tests import tiny

ASKED = [
    Example(
        interest_classification.NAME, "train", answer, user_id=user, position=4, vector_row=user,
        history=[1, 2, 3], items=[item], aspect=interest_classification.EXPLAIN,
    )
    for user in range(1, 7)
    for item, answer in ((5, "Yes"), (6, "No"), (7, "Yes"))
]  # fmt: skip


def test_questions_are_of_as_many_users_as_possible_and_ask_for_explanations_alone() -> None:
    chosen = explanation.choose([*ASKED, replace(ASKED[0], aspect="", user_id=8)], 8, np.random.default_rng(0))
    assert sorted({example.user_id for example in chosen[:6]}) == [1, 2, 3, 4, 5, 6]
    assert len(chosen) == 8 and all(example in ASKED for example in chosen)
    again, other = (explanation.choose(ASKED, 8, np.random.default_rng(seed)) for seed in (1, 2))
    assert again == explanation.choose(ASKED, 8, np.random.default_rng(1)) != other
    assert len(explanation.choose(ASKED, 100, np.random.default_rng(0))) == len(ASKED)


def test_a_draft_answers_the_question_of_the_explanation_to_its_end() -> None:
    [example] = explanation.from_drafts(ASKED[:1], ["Yes. It is like Fox."])
    assert example.task == explanation.NAME and example.answer == "Yes. It is like Fox."
    writer = tiny.writer()
    for form in ("behaviour", "intention", "both"):
        assert render(writer, example, form) == render(writer, ASKED[0], form)
    encoder = ChatEncoder(tiny.tokenizer())
    [encoded] = fit_answers(encoder, writer, example, "both", 1000)
    expected = [*encoder.answer_ids(str(example.answer)), encoder.end_ids[0]]
    assert encoded.targets[encoded.targets >= 0].tolist() == expected


def test_a_mode_is_reminded_in_the_form_in_which_it_explains() -> None:
    [example] = explanation.from_drafts(ASKED[:1], ["Yes."])
    shares = {"behaviour": 0.2, "intention": 0.3, "both": 0.5}
    for mode in shares:
        assert explanation.form_shares(example, mode, shares) == {mode: 1.0}


def test_an_explanation_is_asked_for_its_verdict_and_for_a_title_of_the_history() -> None:
    titles = ["", *tiny.TITLES]
    texts = ["Yes. Like Rust.", "Yes. Like Fox.", "It is like Rust II."]  # to be: Yes, No, Yes; 8 is not in the history
    assert explanation.score(ASKED[:3], texts, titles) == {"verdict_accuracy": 0.3333, "cites_history": 0.6667}


def test_a_decision_whose_evidence_is_known_is_drafted_with_it() -> None:
    known = [replace(e, task=evidence.NAME, aspect=str(e.answer), answer=[3, 1]) for e in ASKED]
    chosen = explanation.choose([*ASKED, *known], 100, np.random.default_rng(0))
    assert {example.task for example in chosen} == {evidence.NAME} and len(chosen) == len(ASKED)
    assert explanation.to_draft(known[1]) == (ASKED[1], [3, 1])
    none = replace(known[0], answer=wording.NO_EVIDENCE)
    assert explanation.to_draft(none) == (ASKED[0], [])  # nothing may be cited
    assert explanation.to_draft(ASKED[0]) == (ASKED[0], None)  # not known: anything may
