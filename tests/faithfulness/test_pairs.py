from typing import Any

import numpy as np
import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.faithfulness.pairs import DELETION_MEASURES, case_figures, compare_sources


def rows(n: int = 4, **changes: Any) -> pd.DataFrame:
    """Rows as the stage writes them: all agree, cite one item, invent nothing, and gain nothing over random."""
    columns: dict[str, Any] = {
        "explanation_id": [f"e{number}" for number in range(n)],
        "user_id": list(range(n)),
        "label": ["Yes"] * n,
        "verdict": ["Yes"] * n,
        "cited_positions": [[0]] * n,
        "invented_titles": [[]] * n,
        "other_items": [[]] * n,
    }
    for name in DELETION_MEASURES:
        columns |= {f"{name}_cited": np.full(n, 0.5), f"{name}_random": np.full(n, 0.5)}
    return pd.DataFrame(columns | changes)


def test_what_is_compared_of_each_case_by_hand() -> None:
    figures = case_figures(
        "both",
        rows(
            label=["Yes", "Yes", "No", "Yes"],
            verdict=["Yes", "No", "No", None],
            cited_positions=[[0], [], [1], [2]],
            invented_titles=[["A"], [], [], []],
            other_items=[[], [3], [], []],
            comprehensiveness_mask_cited=[0.3, np.nan, 0.9, 0.1],
            comprehensiveness_mask_random=[0.1, np.nan, 0.1, 0.2],
            del_shift_cited=[0.2] * 4,
            del_shift_random=[0.3] * 4,
        ),
    )
    assert figures["verdict_agreement"].tolist() == [1, 0, 1, 0]
    assert figures["citing"].tolist() == [1, 0, 1, 1]
    assert figures["inventing_texts"].tolist() == [1, 0, 0, 0]
    assert figures["hallucinating_texts"].tolist() == [1, 1, 0, 0]
    gain = figures["comprehensiveness_mask"].to_numpy()
    assert gain[[0, 3]] == pytest.approx([0.2, -0.1]) and np.isnan(gain[[1, 2]]).all()  # no S; a decision "No"
    assert figures["del_shift"].iloc[0] == pytest.approx(0.1)  # lower is better, so the sign is turned


def test_pairs_meet_by_case_whatever_the_order() -> None:
    first = rows(3, invented_titles=[["A"], ["A"], []])
    second = rows(4).iloc[::-1]
    found = compare_sources({"intention": first, "both": second, "none": rows()}, seed=0)
    assert list(found) == ["intention-both", "intention-none", "both-none"]
    invents = found["intention-both"]["inventing_texts"]
    assert (invents["n"], invents["difference"]) == (3, pytest.approx(2 / 3))
    assert invents["p_value"] == pytest.approx(0.5, abs=0.03)  # two texts differ, in 2 of 4 ways as far
    assert invents["p_value_holm"] == pytest.approx(min(1, 3 * invents["p_value"]))
    assert found["both-none"]["inventing_texts"]["p_value"] == 1


def test_a_clear_difference_is_found_and_swapping_the_sources_turns_it() -> None:
    rng = np.random.default_rng(0)
    n = 60
    better = rows(n, comprehensiveness_mask_cited=0.5 + rng.exponential(0.2, size=n))
    for pair, sign in (({"a": better, "b": rows(n)}, 1), ({"b": rows(n), "a": better}, -1)):
        (found,) = compare_sources(pair, seed=0).values()
        gain = found["comprehensiveness_mask"]
        assert sign * gain["difference"] > 0.1 and gain["p_value"] < 0.001
        low, high = gain["difference_interval"]
        assert low < gain["difference"] < high and low * high > 0
        assert found["comprehensiveness_shift"]["p_value"] == 1


def test_the_cases_of_one_user_count_as_one_observation() -> None:
    """Three users who differ in twenty cases each are three, not sixty: chance alone brings that in 2 of 8 ways."""
    better = rows(60, user_id=np.repeat([1, 2, 3], 20), comprehensiveness_mask_cited=[0.9] * 60)
    (found,) = compare_sources({"a": better, "b": rows(60, user_id=better["user_id"])}, seed=0).values()
    assert found["comprehensiveness_mask"]["p_value"] == pytest.approx(0.25, abs=0.03)


def test_cases_that_only_one_source_has_or_cites_in_are_left_out() -> None:
    nothing = {f"{name}_{explainer}": [np.nan] * 4 for name in DELETION_MEASURES for explainer in ("cited", "random")}
    (found,) = compare_sources({"a": rows(), "b": rows(**nothing)}, seed=0).values()
    assert found["verdict_agreement"]["n"] == 4
    assert found["ins_mask"] == {"n": 0, "difference": None, "difference_interval": None, "p_value": None}


def test_rows_without_a_measure_are_refused() -> None:
    with pytest.raises(InputError, match="faithfulness_both.parquet: has no column 'ins_mask_random'"):
        compare_sources({"both": rows().drop(columns="ins_mask_random")}, seed=0)
