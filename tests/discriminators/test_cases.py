from dataclasses import replace

import numpy as np
import pytest

from recexplainer.core.errors import InputError
from recexplainer.discriminators.cases import is_test_user, join_cases


def test_no_user_is_on_both_sides_and_both_sides_are_filled(explanations):
    cases = join_cases(explanations, 0.4, seed=7)
    train, test = set(cases.user_ids[~cases.in_test]), set(cases.user_ids[cases.in_test])
    assert not train & test
    assert len(train | test) == 60
    assert 0.2 < len(test) / 60 < 0.6


def test_side_depends_on_user_and_seed_only():
    sides = [is_test_user(user, 0.4, 7) for user in range(2000)]
    assert 0.36 < np.mean(sides) < 0.44
    assert sides != [is_test_user(user, 0.4, 8) for user in range(2000)]
    assert not any(is_test_user(user, 0.0, 7) for user in range(50))


def test_sources_are_joined_by_case_and_never_by_row(explanations):
    shuffled = {**explanations, "none": explanations["none"][::-1]}
    cases = join_cases(shuffled, 0.4, seed=7)
    for first, second in zip(cases.records["both"], cases.records["none"], strict=True):
        assert first.explanation_id == second.explanation_id


def test_cases_that_one_source_lacks_are_counted(explanations):
    fewer = {**explanations, "none": explanations["none"][3:]}
    cases = join_cases(fewer, 0.4, seed=7)
    assert cases.n_dropped == {"both": 3, "none": 0}
    assert len(cases.texts("both")) == len(cases.texts("none")) == 117


@pytest.mark.parametrize("kept", [[], ["both"]])
def test_one_source_is_not_enough(explanations, kept):
    with pytest.raises(InputError, match="at least two sources, found: (none|both)"):
        join_cases({source: explanations[source] for source in kept}, 0.4, seed=7)


def test_too_few_users(explanations):
    few = {source: [r for r in rows if r.user_id <= 6] for source, rows in explanations.items()}
    with pytest.raises(InputError, match="users are in the (train|test) split"):
        join_cases(few, 0.4, seed=7)


def test_a_case_explained_twice(explanations):
    twice = {**explanations, "none": [*explanations["none"], explanations["none"][0]]}
    with pytest.raises(InputError, match="explanations of none: user 1, position 5, item .* explained twice"):
        join_cases(twice, 0.4, seed=7)


def test_sources_of_different_recommenders(explanations):
    other = [replace(record, score=record.score + 0.5) for record in explanations["none"]]
    with pytest.raises(InputError, match="different recommenders"):
        join_cases({**explanations, "none": other}, 0.4, seed=7)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_fraction_must_leave_both_sides(explanations, fraction):
    with pytest.raises(InputError, match="test_fraction"):
        join_cases(explanations, fraction, seed=7)
