from __future__ import annotations

import numpy as np
import pytest
import torch

from recexplainer.alignment.building import build_examples
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.explaining.cases import Case, Wanted, cases_of_users, choose_cases, in_turn
from recexplainer.recommenders.baselines import Popularity
from recexplainer.tasks import next_item_retrieval
from tests import tiny


def pairs_of(settings: Settings, given: Interactions, users) -> list[Example]:  # type: ignore[no-untyped-def]
    examples, _ = build_examples(given, tiny.catalogue(), users, [], tiny.mf(), settings.build_alignment, seed=1)
    return [e for e in examples if e.split == "test" and e.task == next_item_retrieval.NAME]


def cases_of(n_cases: int, n_users: int = 10) -> list[Case]:
    settings = tiny.settings(f"explain.n_cases={n_cases}")
    given = tiny.interactions(n_users)
    pairs = pairs_of(settings, given, tiny.users(n_users))
    return choose_cases(
        tiny.mf(), given, pairs, settings.build_alignment, settings.explain.n_cases, settings.explain.top_k, seed=1
    )


def test_cases_are_the_recommenders_own_decisions() -> None:
    given = tiny.interactions()
    cases = cases_of(8)
    assert [case.example.answer for case in cases[:4]] == ["Yes", "No", "Yes", "No"]
    for case in cases:
        example = case.example
        history = given.sequence(example.user_id)[: example.position].tolist()
        assert tiny.users().set_index("user_id")["split"][example.user_id] == "test"
        [item] = example.items
        assert item not in history and example.history == history[-4:] and case.history == history
        scores = tiny.mf().scores([history])[0].numpy()
        open_items = [i for i in range(1, 13) if i not in history]
        order = sorted(open_items, key=lambda i: -scores[i])
        assert case.score == pytest.approx(float(scores[item]))
        assert (case.rank, case.n_ranked) == (order.index(item) + 1, len(open_items))
        n_liked, n_disliked = max(1, int(0.2 * len(order))), max(1, int(0.5 * len(order)))
        assert item in (order[:n_liked] if example.answer == "Yes" else order[-n_disliked:])


def test_a_tie_counts_against_the_item() -> None:
    """Items 2 and 3 score 2, items 4 and 5 score 1: the first two share the second place, the others the last."""
    recommender = Popularity(5)
    recommender.counts.copy_(torch.tensor([0, 9, 2, 2, 1, 1]))
    of_one_user = Interactions(np.array([1]), np.array([0, 0, 1]), n_items=5)
    wanted, build = Wanted([2, 3, 4, 5], top=False, bottom=False), tiny.settings().build_alignment
    cases = cases_of_users(recommender.freeze(), of_one_user, [1], wanted, build, top_k=1, max_history=4)
    assert [(case.rank, case.n_ranked) for case in cases] == [(2, 4), (2, 4), (4, 4), (4, 4)]


@pytest.mark.parametrize("n_users", [10, 5])
def test_no_decision_is_explained_twice_and_a_pair_is_asked_of_both_kinds(n_users: int) -> None:
    cases = cases_of(60, n_users)
    ids = [case.explanation_id for case in cases]
    assert len(set(ids)) == len(ids) < 60
    answers: dict[tuple[int, int], set[object]] = {}
    for case in cases:
        answers.setdefault((case.example.user_id, case.example.position), set()).add(case.example.answer)
    assert all(kinds == {"Yes", "No"} for kinds in answers.values())
    n_yes = sum(case.example.answer == "Yes" for case in cases[: 2 * len(answers)])
    assert n_yes == len(answers)


def sorted_cases(recommender: Popularity, pairs: list[Example], settings: Settings) -> list[tuple[int, int]]:
    """Pair and item of every case, by sorting all items each time."""
    rng, taken, found = np.random.default_rng(1), set(), []
    for number in range(settings.explain.n_cases):
        place = number % len(pairs)
        scores = recommender.scores([pairs[place].history], exclude_seen=True)[0].double().numpy()
        order = np.argsort(-scores, kind="stable")
        order = order[np.isfinite(scores[order])]
        is_liked = (place + number // len(pairs)) % 2 == 0
        liked = order[: int(settings.build_alignment.like_top * len(order))][: settings.explain.top_k]
        pool = liked if is_liked else order[len(order) - int(settings.build_alignment.dislike_bottom * len(order)) :]
        left = [int(item) for item in pool if (place, int(item)) not in taken]
        if left:
            found.append((place, int(rng.choice(left))))
            taken.add(found[-1])
    return found


def test_cases_of_a_large_catalogue_are_those_of_a_full_sort_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = Popularity(3000)
    recommender.counts.copy_(torch.randint(40, (3001,), generator=torch.Generator().manual_seed(0)))  # many ties
    given = Interactions(np.arange(1, 13), np.array([0, 0, 4, 8, 12]), n_items=3000)
    pairs = [Example("", "test", [], user, 4, user - 1, given.sequence(user).tolist()) for user in (1, 2, 3)]
    settings = tiny.settings("explain.n_cases=40")
    drawn = in_turn(pairs, np.random.default_rng(1))
    expected = [(drawn[place].user_id - 1, item) for place, item in sorted_cases(recommender.freeze(), drawn, settings)]
    monkeypatch.setattr(np, "argsort", lambda *given, **how: pytest.fail("sorted"))
    cases = choose_cases(
        recommender, given, pairs, settings.build_alignment, settings.explain.n_cases, settings.explain.top_k, seed=1
    )
    assert [(case.example.user_id - 1, case.example.items[0]) for case in cases] == expected


def test_every_user_has_a_turn_before_any_has_two() -> None:
    pairs = [Example("", "train", [], user_id=user, position=position) for user in range(1, 7) for position in (3, 4)]
    first, other = (in_turn(pairs, np.random.default_rng(seed)) for seed in (1, 2))
    for turn in (first[:6], first[6:]):
        assert sorted(pair.user_id for pair in turn) == [1, 2, 3, 4, 5, 6]
    assert sorted(first, key=pairs.index) == pairs and first == in_turn(pairs, np.random.default_rng(1)) != other
    assert {pair.position for pair in first[:6]} == {3, 4}


def test_neither_the_position_nor_the_place_in_the_file_says_what_is_decided() -> None:
    """In the order of the file every Yes was about the older of two positions, and the last users had no case."""
    given = Interactions(np.tile(np.arange(1, 6), 40), np.array([0, *range(0, 201, 5)]), n_items=30)
    pairs = [
        Example("", "test", [], user, position, 2 * user + position - 5, given.sequence(user)[:position].tolist())
        for user in range(1, 41)
        for position in (3, 4)
    ]
    settings = tiny.settings("explain.n_cases=40").build_alignment
    cases = choose_cases(Popularity(30).freeze(), given, pairs, settings, 40, 2, seed=1)
    assert len({case.example.user_id for case in cases}) == 40
    by_label = {label: [c.example.position for c in cases if c.example.answer == label] for label in ("Yes", "No")}
    assert all(len(positions) == 20 and set(positions) == {3, 4} for positions in by_label.values())


def test_a_case_of_a_training_user_has_none_of_the_next_items_that_are_taught() -> None:
    settings, given = tiny.settings(), tiny.interactions()
    pairs = [Example("", "train", [7], 1, 3, 0, given.sequence(1)[:3].tolist(), choices=[7, 8], shares=[0.6, 0.4])]
    [case] = choose_cases(tiny.mf(), given, pairs, settings.build_alignment, 1, 2, seed=1)
    assert case.example.answer in ("Yes", "No") and not case.example.choices and not case.example.shares


def test_the_same_seed_gives_the_same_cases() -> None:
    assert cases_of(8) == cases_of(8)


def test_without_a_test_user_it_says_which_parameters_matter() -> None:
    settings = tiny.settings()
    with pytest.raises(InputError, match="contains no users to explain to; see prepare.split"):
        choose_cases(
            tiny.mf(),
            tiny.interactions(),
            [],
            settings.build_alignment,
            settings.explain.n_cases,
            settings.explain.top_k,
            seed=1,
        )


def of_users(user_ids: list[int], items: list[int], top: bool, bottom: bool, top_k: int = 2) -> list[Case]:
    wanted, build = Wanted(items, top, bottom), tiny.settings().build_alignment
    return cases_of_users(tiny.mf(), tiny.interactions(), user_ids, wanted, build, top_k, max_history=3)


def test_users_are_asked_about_as_they_are_now() -> None:
    given = tiny.interactions()
    [first, second, last, end, *of_ten] = of_users([2, 10], [], top=True, bottom=True)
    history = given.sequence(2).tolist()
    scores = tiny.mf().scores([history])[0].numpy()
    order = sorted((i for i in range(1, 13) if i not in history), key=lambda i: -scores[i])
    assert [case.example.items for case in (first, second, last, end)] == [[i] for i in (*order[:2], *order[:-3:-1])]
    assert [case.rank for case in (first, second, last, end)] == [1, 2, len(order), len(order) - 1]
    assert first.example.position == len(history) and first.history == history
    assert first.example.history == history[-3:] and first.n_ranked == len(order)
    assert first.score == pytest.approx(float(scores[order[0]]))
    assert {case.example.vector_row for case in of_ten} == {1} and len(of_ten) == 4


def test_a_decision_is_yes_no_or_open_by_the_shares_of_the_alignment() -> None:
    for user_id in (1, 2, 3):
        cases = of_users([user_id], list(range(1, 13)), top=False, bottom=False)
        n = cases[0].n_ranked
        assert len(cases) == n  # what the user has had is no decision
        labels = {case.rank: case.example.answer for case in cases}
        n_liked, n_disliked = max(1, int(0.2 * n)), int(0.5 * n)
        expected = ["Yes"] * n_liked + [""] * (n - n_liked - n_disliked) + ["No"] * n_disliked
        assert [labels[rank] for rank in range(1, n + 1)] == expected


def test_an_item_that_is_asked_for_twice_is_explained_once() -> None:
    [best] = of_users([3], [], top=True, bottom=False, top_k=1)
    again = of_users([3], [best.example.items[0]], top=True, bottom=False, top_k=1)
    assert again == [best]
    assert len(of_users([3], [], top=True, bottom=True, top_k=99)) == best.n_ranked


def test_many_users_at_once_are_the_same_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    together = of_users([1, 2, 3, 4, 5], [], top=True, bottom=False)
    monkeypatch.setattr("recexplainer.recommenders.base.HISTORIES_AT_ONCE", 2)
    for one, other in zip(of_users([1, 2, 3, 4, 5], [], top=True, bottom=False), together, strict=True):
        assert one.example == other.example and one.rank == other.rank
        assert one.score == pytest.approx(other.score)
