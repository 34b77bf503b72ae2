from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from recexplainer import store
from recexplainer.app.models import Models
from recexplainer.app.people import DISAGREE, UNFAITHFUL, People, disagreements, read_people, unfaithful
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import ModelVersion
from tests import tiny
from tests.records import make_explanation


def test_users_are_found_by_raw_id_and_by_an_item(people: People) -> None:
    assert people.find(" U3 ") == people.find("raw:U3") == 3
    with pytest.raises(InputError, match="no user has the raw id 'U99'; one is 'U1'"):
        people.find("U99")
    expected = [user for user in range(1, 11) if 8 in tiny.interactions().sequence(user)]
    assert people.with_item(8, 99) == expected and people.with_item(8, 1) == expected[:1]
    assert people.history(1) == [3, 5, 3, 8, 1] and people.history(1, 2) == [3, 5]


def test_modes_disagree_where_verdicts_of_llms_differ() -> None:
    yes, no = make_explanation(verdict="Yes"), make_explanation(verdict="No")
    other = make_explanation(user_id=2, verdict="Yes")
    assert disagreements({"both": [yes, other], "behaviour": [no, other]}) == [yes]


def test_a_text_is_unfaithful_by_its_verdict_or_by_an_item_that_carries_nothing() -> None:
    fine, wrong, idle = (make_explanation(user_id=user, explanation_id=f"u{user}") for user in (1, 2, 3))
    wrong = make_explanation(user_id=2, explanation_id="u2", verdict="No")
    rows = pd.DataFrame(
        {
            "explanation_id": ["u1", "u2", "u3"],
            "cited_items": [[3], [3], [3, 5]],
            "carrying_items_shift": [[3, 5], [3], [3]],
        }
    )
    assert unfaithful({"both": [fine, wrong, idle]}, {"both": rows}) == [wrong, idle]
    assert unfaithful({"both": [fine, wrong, idle]}, {}) == [wrong]


def test_people_are_those_of_the_models_data(models: Models, empty_project: Path) -> None:
    assert read_people(models) is None
    tiny.write_prepared()
    yes, no = make_explanation(verdict="Yes"), make_explanation(verdict="No", source="behaviour")
    other = ModelVersion("recexplainer-demo-explainer-both", "7", "another version")
    store.write_explanations("both", [yes, make_explanation(user_id=2, verdict="No", model=other)])
    store.write_explanations("behaviour", [no, make_explanation(user_id=2, verdict="Yes", source="behaviour")])
    store.write_explanations("none", [make_explanation(user_id=3, verdict="No", source="none")])
    found = read_people(models)
    assert found is not None and found.raw_ids[:2] == ["U1", "U2"]
    assert (found.telling[DISAGREE], found.telling[UNFAITHFUL]) == ([no], [no])
    frame = tiny.catalogue().frame
    store.write_catalogue(frame.assign(raw_id=frame["raw_id"][::-1].tolist()))
    with pytest.raises(InputError, match="is not the catalogue of both version 1"):
        read_people(models)
