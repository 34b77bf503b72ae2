from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import Interactions
from recexplainer.faithfulness.evaluation import evaluate_faithfulness, whole_histories
from recexplainer.recommenders.base import Recommender
from tests.faithfulness.fakes import AdditiveRecommender, make_catalogue, make_record

N_ITEMS = 40
SETTINGS: dict[str, Any] = {"top_ks": [1, 5], "n_random": 20, "seed": 7}


@pytest.fixture(scope="module")
def recommender() -> AdditiveRecommender:
    return AdditiveRecommender(torch.randn(N_ITEMS + 1, N_ITEMS + 1, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return make_catalogue([f"Numbered Game {number}" for number in range(1, N_ITEMS + 1)])


def evaluate(records: list[dict[str, Any]], catalogue: Catalogue, recommender: Recommender) -> Any:
    """The frame and the figures, with all of the history shown."""
    histories = [record.history for record in records]
    return evaluate_faithfulness(records, histories, catalogue, recommender, **SETTINGS)


def records_citing(
    recommender: Recommender, catalogue: Catalogue, how: str, n: int = 80, label: str = "Yes"
) -> list[dict[str, Any]]:
    """Explanations of the top item of random histories (for a No: of the median one), citing two items by a rule.

    The rule `most` plants the two whose own removal costs p most (for a No: raises it most), `least` the last two.
    """
    rng = np.random.default_rng(2)
    records = []
    for number in range(n):
        history = [int(item) for item in rng.permutation(N_ITEMS)[:8] + 1]
        scores = recommender.scores([history], exclude_seen=True)[0]
        target = int(scores.argmax()) if label == "Yes" else int(scores.argsort()[(N_ITEMS - 8) // 2 + 9])
        p = recommender.scores([history]).double().softmax(1)[0, target]
        left = [[other for other in history if other != item] for item in history]
        loss = p - recommender.scores(left).double().softmax(1)[:, target]
        order = torch.argsort(loss, descending=label == "Yes").tolist()
        positions = {"most": order[:2], "least": order[-2:], "random": rng.permutation(8)[:2].tolist()}[how]
        titles = " and ".join(f'"{catalogue.title(history[position])}"' for position in positions)
        records.append(
            make_record(
                catalogue,
                explanation_id=f"e{number}",
                history=history,
                item_id=target,
                score=float(scores[target]),
                rank=1,
                text=f"{label}. {titles} say so.",
                label=label,
                verdict=label,
            )  # fmt: skip
        )
    return records


@pytest.fixture(scope="module")
def planted(recommender: AdditiveRecommender, catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """The figures of three planted explainers."""
    figures = {}
    for how in ("most", "least", "random"):
        records = records_citing(recommender, catalogue, how)
        figures[how] = evaluate(records, catalogue, recommender)[1]
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["shift", "mask"])
def test_planted_explainers_land_where_they_should(planted: dict[str, dict[str, Any]], variant: str) -> None:
    rows = {how: figures["comprehensiveness"][variant] for how, figures in planted.items()}
    assert rows["most"]["cited"] == pytest.approx(rows["most"]["leave_one_out"])
    assert rows["most"]["cited"] > rows["most"]["random"] + 0.1
    assert rows["most"]["p_value_over_random"] < 0.001
    assert rows["random"]["cited"] == pytest.approx(rows["random"]["random"], abs=0.04)
    assert rows["random"]["p_value_over_random"] > 0.05
    assert rows["least"]["cited"] < rows["least"]["random"] - 0.05
    assert rows["least"]["p_value_over_random"] > 0.99


@pytest.mark.parametrize("variant", ["shift", "mask"])
def test_planted_explainers_lie_as_they_should_along_whole_curves(
    planted: dict[str, dict[str, Any]], variant: str
) -> None:
    """An explainer orders only the two items that it cites; the rest of its way is random."""
    for measure, sign in (("del", -1), ("ins", 1), ("pos@5", -1), ("neg@5", 1)):
        rows = {how: figures[measure][variant] for how, figures in planted.items()}
        gain = {how: sign * (row["cited"] - row["random"]) for how, row in rows.items()}
        best = sign * (rows["most"]["leave_one_out"] - rows["most"]["random"])
        assert 0.4 * best < gain["most"] < best, measure
        assert gain["least"] < -0.25 * best, measure
        assert abs(gain["random"]) < 0.25 * best, measure
        assert rows["most"]["p_value_over_random"] < 0.001 < rows["random"]["p_value_over_random"], measure
        assert rows["least"]["p_value_over_random"] > 0.99, measure
    sizes = {how: figures["counterfactual_size@1"][variant] for how, figures in planted.items()}
    assert sizes["most"]["cited"] < sizes["random"]["cited"] < sizes["least"]["cited"]
    assert sizes["most"]["cited"] == pytest.approx(sizes["most"]["leave_one_out"], abs=0.3)
    curves = planted["most"]["curves"][variant]["deletion"]
    assert curves["cited"][0] == pytest.approx(curves["random"][0])  # nothing is deleted yet
    assert curves["cited"][-1] == pytest.approx(curves["random"][-1])  # nothing is left
    # a quarter of the items is two: there the planted citations are all deleted, and as good as the control's
    assert curves["cited"][3] == pytest.approx(curves["leave_one_out"][3])
    assert curves["cited"][3] < curves["random"][3] - 0.05


def test_a_no_is_explained_by_what_speaks_against_the_item(
    recommender: AdditiveRecommender, catalogue: Catalogue
) -> None:
    """Every measure turns round: an explainer that cites what raises p when it goes is the best, and is told so."""
    tables = {}
    for how in ("most", "least", "random"):
        _, figures = evaluate(records_citing(recommender, catalogue, how, label="No"), catalogue, recommender)
        assert figures["n_compared"] == 0
        tables[how] = figures["no_decisions"]
    for measure in ("comprehensiveness", "log_comprehensiveness", "sufficiency", "del", "ins"):
        rows = {how: table[measure]["mask"] for how, table in tables.items()}
        assert rows["most"]["p_value_over_random"] < 0.001 < rows["random"]["p_value_over_random"], measure
        assert rows["least"]["p_value_over_random"] > 0.99, measure
    rows = {how: table["comprehensiveness"]["mask"] for how, table in tables.items()}
    assert rows["most"]["cited"] == pytest.approx(rows["most"]["leave_one_out"]) and rows["most"]["cited"] < 0
    assert rows["most"]["greedy"] <= rows["most"]["leave_one_out"] < rows["random"]["cited"] < rows["least"]["cited"]


def test_planted_explainers_are_compared_whole(planted: dict[str, dict[str, Any]]) -> None:
    for figures in planted.values():
        assert (figures["n_compared"], figures["n_in_top@1"], figures["n_other_scores"]) == (80, 80, 0)
        assert figures["no_decisions"]["n_compared"] == 0
        for k in (1, 5):
            necessary, enough = (figures[f"{name}@{k}"]["mask"]["cited"] for name in ("pn", "ps"))
            expected = 2 * necessary * enough / (necessary + enough) if necessary + enough else 0
            assert figures[f"fns@{k}"]["mask"]["cited"] == pytest.approx(expected)
    assert planted["most"]["pn@1"]["mask"]["cited"] > planted["least"]["pn@1"]["mask"]["cited"] + 0.3


def test_figures_of_the_texts(games: Catalogue) -> None:
    records = [
        make_record(explanation_id="a", text='Yes. Like "Ember Crown" and "Golden Hog".'),  # one of two is unseen
        make_record(explanation_id="b", text='No. "Silent Valley".', verdict="No"),  # another item
        make_record(explanation_id="c", text="", verdict=None),
        make_record(
            explanation_id="d",
            text='No. "Ember Crown", not "Iron Drift - Nova 64".',
            verdict="No",
            label="No",
        ),
        make_record(explanation_id="e", text='Yes. "Ember Crown" suits "Ember Crown II - Nova 64".', history=[1]),
    ]
    recommender = AdditiveRecommender(torch.zeros(13, 13))
    frame, figures = evaluate(records, games, recommender)
    expected = {
        "n": 5,
        "n_citing": 3,
        "n_citing_everything": 1,
        "n_without_verdict": 1,
        "verdict_agreement": 0.6,
        "hallucination_rate": 2 / 6,
        "invented_rate": 1 / 6,
        "hallucinating_texts": 0.4,
        "inventing_texts": 0.2,
        "texts_naming_target": 0.2,
        "cited_items_mean": 0.8,
        "n_other_scores": 0,
        "n_compared": 1,
        "fmr": 0.0,
        "usr": 1.0,
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    assert figures["no_decisions"]["n_compared"] == 1
    assert figures["verdicts"] == {"Yes": {"Yes": 2, "No": 1, "none": 1}, "No": {"Yes": 0, "No": 1, "none": 0}}
    assert (figures["calibration"]["n"], figures["calibration"]["bins"][9]["share_yes"]) == (5, 0.8)
    assert "causes" not in figures
    assert frame["explanation_id"].tolist() == ["a", "b", "c", "d", "e"]
    assert frame["compared"].tolist() == [True, False, False, True, False]
    assert frame["cited_items"].tolist() == [[1], [], [], [1, 3], [1]]
    assert frame["p"].isna().tolist() == [False, True, True, False, True]


def test_scores_of_another_recommender_are_counted(games: Catalogue) -> None:
    records = [make_record(explanation_id="a", score=0.0), make_record(explanation_id="b", score=0.5)]
    _, figures = evaluate(records, games, AdditiveRecommender(torch.zeros(13, 13)))
    assert figures["n_other_scores"] == 1


@pytest.mark.parametrize("texts", [[], ["Yes."]])
def test_nothing_to_compare_gives_no_figure_and_no_nan(games: Catalogue, texts: list[str]) -> None:
    records = [make_record(text=text) for text in texts]
    frame, figures = evaluate(records, games, AdditiveRecommender(torch.zeros(13, 13)))
    assert len(frame) == len(texts)
    assert figures["comprehensiveness"]["shift"] == dict.fromkeys(
        ["cited", "random", "newest", "leave_one_out", "greedy", "p_value_over_random"]
    )
    assert figures["hallucination_rate"] is None
    assert figures["fns@5"]["mask"]["cited"] is None


def test_the_recommender_is_asked_about_the_whole_history_of_which_the_newest_part_is_shown(
    games: Catalogue,
) -> None:
    """Item 2 follows from item 1 alone, which is not shown; of the shown items 3, 4 and 5 nothing follows."""
    weight = torch.zeros(13, 13)
    weight[1, 2] = 4.0
    records = [
        make_record(explanation_id="shown", text='Yes. "Iron Drift II".', history=[3, 4, 5], score=4.0),
        make_record(explanation_id="old", text='Yes. "Ember Crown".', history=[3, 4, 5], score=4.0),
    ]
    whole = [[1, 3, 4, 5], [1, 3, 4, 5]]
    frame, figures = evaluate_faithfulness(records, whole, games, AdditiveRecommender(weight), **SETTINGS)
    assert (figures["n_other_scores"], figures["hallucination_rate"], figures["invented_rate"]) == (0, 0.5, 0)
    assert frame["cited_positions"].tolist() == [[2], []] and frame["other_items"].tolist() == [[], [1]]
    assert frame["compared"].tolist() == [True, False]
    assert frame["comprehensiveness_mask_cited"].tolist() == pytest.approx([0, np.nan], nan_ok=True)
    for control in ("random", "newest", "leave_one_out", "greedy"):  # controls are what could be cited: the shown items
        assert frame[f"comprehensiveness_mask_{control}"].tolist() == pytest.approx([0, np.nan], nan_ok=True)


def test_the_record_says_what_is_cited_and_the_text_is_not_read_again(games: Catalogue) -> None:
    """Whatever another catalogue or another reading of the text would say."""
    record = replace(make_record(text='Yes. "Ember Crown".'), text='Yes. "Iron Drift - Nova 64" and "Golden Hog".')
    frame, figures = evaluate([record], games, AdditiveRecommender(torch.zeros(13, 13)))
    assert frame["cited_items"].tolist() == [[1]] and figures["hallucination_rate"] == 0
    assert [mention.kind for mention in record.citations] == ["history"]


def test_an_item_that_the_recommender_did_not_decide_on_is_one_clear_line(games: Catalogue) -> None:
    with pytest.raises(InputError, match="explanation u1-p3-i2: has no label; only decided items can be evaluated"):
        evaluate([make_record(label=None)], games, AdditiveRecommender(torch.zeros(13, 13)))


def test_whole_histories_end_with_what_was_shown() -> None:
    frame = pd.DataFrame({"user_id": [1] * 4 + [2], "item_id": [5, 6, 7, 8, 5], "position": [0, 1, 2, 3, 0]})
    interactions = Interactions.from_frame(frame, 8)
    record = make_record(explanation_id="e", user_id=1, position=3, history=[6, 7])
    assert whole_histories([record], interactions) == [[5, 6, 7]]
    for change in (
        {"history": [5, 6]},
        {"position": 2},
        {"user_id": 2},
        {"user_id": 3},
        {"history": [5, 6, 7, 8]},
    ):
        with pytest.raises(InputError, match="explanation e: .* run explain again"):
            whole_histories([replace(record, **change)], interactions)
