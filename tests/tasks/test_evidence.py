from __future__ import annotations

import pytest
import torch

from recexplainer.alignment.building import build_examples
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.baselines import Popularity
from recexplainer.tasks.evidence import NAME, form_shares, make_examples, score
from recexplainer.tasks.task import Teacher
from tests import tiny
from tests.evidence.planted import Planted
from tests.tasks import teacher

LIKES = torch.randn(tiny.N_ITEMS + 1, tiny.N_ITEMS + 1, generator=torch.Generator().manual_seed(3)) * 4


def only_newest() -> Recommender:
    """It scores by the newest item of the history alone."""
    return Planted(lambda items: LIKES[items[:, -1]], tiny.N_ITEMS)


def asked(recommender: Recommender, n_shown: int = 3, **settings: int) -> Teacher:
    histories = [tiny.interactions().sequence(user)[:5].tolist() for user in range(1, 7)]
    scores = recommender.scores(histories)[:, 1:].tolist()
    batch = teacher.batch(scores, histories)
    batch = type(batch)(**{**vars(batch), "histories": [history[-n_shown:] for history in histories]})
    return teacher.of(batch, recommender, **settings)


def test_the_teacher_names_the_planted_cause_of_yes_and_of_no() -> None:
    examples = make_examples(asked(only_newest(), evidence_per_history=4))
    assert len(examples) == 24
    for label in (wording.YES, wording.NO):
        answers = [(e.answer, e.history[-1]) for e in examples if e.aspect == label]
        carried = [(answer[0], newest) for answer, newest in answers if answer != wording.NO_EVIDENCE]
        assert len(carried) >= 6
        assert all(strongest == newest for strongest, newest in carried)


def test_where_nothing_in_the_history_carries_a_decision_the_answer_says_so() -> None:
    examples = make_examples(asked(Popularity.fit(tiny.interactions()), evidence_per_history=2))
    assert [example.answer for example in examples] == [wording.NO_EVIDENCE] * 12


def test_an_item_that_is_not_shown_is_not_named() -> None:
    oldest = Planted(lambda items: LIKES[(items * (items > 0)).gather(1, _first(items))[:, 0]], tiny.N_ITEMS)
    examples = make_examples(asked(oldest, evidence_per_history=2))
    decisive = [int(tiny.interactions().sequence(example.user_id)[0]) for example in examples]
    unseen = [e.answer for e, item in zip(examples, decisive, strict=True) if item not in e.history]
    assert len(unseen) >= 6 and set(map(str, unseen)) == {wording.NO_EVIDENCE}


def _first(items: torch.Tensor) -> torch.Tensor:
    return (items > 0).int().argmax(dim=1, keepdim=True)


def test_decisions_are_drawn_as_those_that_are_explained() -> None:
    teaching = asked(only_newest(), evidence_per_history=8, evidence_top_k=2, like_top=0.5)
    examples = make_examples(teaching)
    for row, scores in enumerate(teaching.batch.scores):
        order = (-scores).argsort(kind="stable")[: int((scores > -teacher.INFINITY).sum())].tolist()
        own = [example for example in examples if example.user_id == row + 1]
        assert {e.items[0] for e in own if e.aspect == wording.YES} == set(order[:2])
        assert {e.items[0] for e in own if e.aspect == wording.NO} <= set(order[len(order) - len(order) // 2 :])


def test_the_other_tasks_examples_do_not_depend_on_it() -> None:
    world = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    made = []
    for n in (0, 3):
        settings = tiny.settings(f"build_alignment.evidence_per_history={n}").build_alignment
        made.append(list(build_examples(*world, settings, seed=1)[0]))
    assert sum(example.task == NAME for example in made[1]) > 0
    assert made[0] == [example for example in made[1] if example.task != NAME]


def test_it_is_taught_in_the_form_in_which_explanations_are_asked_for() -> None:
    example = Example(NAME, "train", [1], aspect="Yes")
    assert form_shares(example, "both", {"behaviour": 0.2, "intention": 0.3, "both": 0.5}) == {"both": 0.5}
    assert form_shares(example, "behaviour", {}) == {"behaviour": 1.0}
    assert form_shares(example, "intention", {}) == {}  # it does not show the history in words


@pytest.mark.parametrize(
    ("answer", "top1", "invalid"),
    [
        ([8, 3], 1.0, 0.0),
        ([3, 8], 0.0, 0.0),
        ([8, 8], 1.0, 1.0),  # named twice
        ([8, 9], 1.0, 1.0),  # not in the history
        ([8, None], 1.0, 1.0),  # not a title
        ([], 0.0, 0.0),  # it says that no item carries the decision
    ],
)
def test_score_by_hand(answer: list[int | None], top1: float, invalid: float) -> None:
    example = Example(NAME, "test", [8, 3], history=[3, 8, 5])
    assert score([example], [answer]) == {"evidence_top1": top1, "newest_top1": 0.0, "invalid_rate": invalid}


def test_naming_no_item_is_right_where_none_carries_the_decision() -> None:
    example = Example(NAME, "test", wording.NO_EVIDENCE, history=[3, 8])
    assert [score([example], [answer])["evidence_top1"] for answer in ([], [8])] == [1.0, 0.0]
    newest = Example(NAME, "test", [8, 3], history=[3, 8])
    assert score([example, newest], [[], [8]])["newest_top1"] == 0.5
