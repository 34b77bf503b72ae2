from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from recexplainer.app.asking import ask
from recexplainer.app.models import Models
from recexplainer.explaining.respond import Responder
from recexplainer.explaining.template import SOURCE as TEMPLATE
from recexplainer.judging.rubric import judge_by_rubric

HISTORY, TOP = [3, 5, 8, 1], 6


def test_the_record_is_the_explainers_and_a_text_with_defects_is_not_shown(models: Models) -> None:
    answer, own = ask(models, "both", HISTORY, TOP, user_id=4), ask(models, TEMPLATE, HISTORY, TOP, user_id=4)
    assert answer.record.source == "both" and answer.record.p_yes is not None and answer.record.user_id == 4
    assert answer.shown == (own.record if answer.record.defects else answer.record)
    assert own.record == own.shown and own.record.evidence is not None


def test_equal_questions_and_answers_have_one_id(models: Models) -> None:
    asked = [ask(models, TEMPLATE, history, item) for history, item in ((HISTORY, 6), (HISTORY, 6), ([1, 2], 6))]
    first, again, other = (answer.record.explanation_id for answer in asked)
    assert first == again != other and first.startswith("live-")


def test_the_rubric_grades_what_is_shown_of_decided_items(models: Models) -> None:
    items = [item for item in range(1, 13) if item not in HISTORY]
    answers = [ask(models, TEMPLATE, HISTORY, item) for item in items]
    undecided = [answer for answer in answers if answer.shown.label is None]
    decided = [answer for answer in answers if answer.shown.label is not None]
    assert undecided and decided and all(answer.grade is None for answer in undecided)
    assert all(answer.grade == judge_by_rubric(answer.shown, models.catalogue) for answer in decided)


def test_a_text_that_is_not_shown_gets_no_level_of_another_one(models: Models, monkeypatch: Any) -> None:
    explain = Responder.explain
    unshown = lambda *given: [replace(record, defects=["repeats"]) for record in explain(*given)]  # noqa: E731
    monkeypatch.setattr(Responder, "explain", unshown)
    [best] = models.any_responder.best_items(HISTORY, 1)
    answer, own = (ask(models, source, HISTORY, best) for source in ("both", TEMPLATE))
    assert answer.shown == own.record and answer.grade is None and own.grade is not None


def test_several_people_at_once_get_the_answers_of_one(models: Models) -> None:
    alone = {item: ask(models, "both", HISTORY, item) for item in (6, 7, 9)}
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda item: (item, ask(models, "both", HISTORY, item)), [6, 7, 9] * 2))
    assert all(answer == alone[item] for item, answer in together)
