import pytest

from recexplainer.report.sections.alignment import alignment_section
from recexplainer.report.sections.common import chance, figure, figure_rows, interval, percent
from recexplainer.report.sections.discriminators import discriminators_section
from recexplainer.report.sections.faithfulness import faithfulness_section
from recexplainer.report.sections.judge import judge_section
from recexplainer.report.sections.recommender import recommender_section


def cells(table, group, name):
    rows = {row.name: [cell.text for cell in row.cells] for row in table.groups[group].rows}
    return dict(zip(table.columns, rows[name], strict=True))


def test_best_figure_of_each_column_is_marked_unless_all_are_equal():
    rows = figure_rows(
        [("a", "", "", [1.0, 2.0, 5.0, None]), ("b", "", "", [3.0, 1.0, 5.0, 1.0])], lowest=frozenset({1})
    )
    assert [[cell.best for cell in row.cells] for row in rows] == [
        [False, False, False, False],
        [True, True, False, False],
    ]


def test_figures_that_are_not_there_are_none():
    assert figure({"a": {"b": True}}, "a", "b") is None
    assert figure({"a": 1}, "a", "b") is None
    assert interval({"a": None}, "a") is None
    assert interval(None, "a", "b") is None
    assert interval({"a": {"b": [1, 2]}}, "a", "b") == (1.0, 2.0)


def test_words_for_figures():
    assert chance(0.0001) == "p < .001"
    assert chance(0.0312) == "p = .031"
    assert percent(0.0996) == "10\xa0%"


def test_recommender_stands_first_and_is_compared_with_the_better_floor(inputs):
    section = recommender_section(inputs.recommender)
    assert [bar.label for bar in section.charts[0].bars] == ["SASRec", "Popularity", "Item neighbours"]
    assert "SASRec beats the better floor, item neighbours: NDCG@10 0.180 against 0.120." in section.readings[0]


def test_a_recommender_below_its_floor_is_said_to_be(inputs):
    metrics = {**inputs.recommender, "item_knn": {"test": {"ndcg@10": 0.5}}}
    assert "does not beat" in recommender_section(metrics).readings[0]


def test_how_well_folded_users_agree_is_said(inputs):
    agreement = {"whole_history": {"overlap@10": 0.554}}
    metrics = {**inputs.recommender, "external_model": {"folded_users": agreement}}
    assert "55\xa0% of their first ten items are those of the model's own" in recommender_section(metrics).readings[-1]


def test_alignment_stands_beside_baselines_and_the_paper(inputs):
    section = alignment_section(inputs)
    (table,) = section.tables
    assert [group.title.split(" (")[0] for group in table.groups] == [
        "On this data",
        "Baselines on this data",
        "Printed in the paper",
    ]
    assert cells(table, 0, "both")["Next item, HR@5"] == "0.680"
    assert cells(table, 1, "random")["Titles"] == "–"
    assert cells(table, 2, "both")["Next item, HR@5"] == "0.806"
    assert cells(table, 2, "LLM, zero-shot")["Ranking, paper's gain"] == "0.239"
    marks = {bar.label: bar.mark for bar in section.charts[0].bars}
    assert marks["both"] == 0.8057 and marks["random"] == 0.0023
    assert "“both” names the recommender's first choice in 68\xa0%" in section.readings[0]
    assert "the base LLM 1.0\xa0%" in section.readings[0]


def test_free_text_stands_beside_the_papers_free_text(inputs):
    (further,) = alignment_section(inputs).details
    assert cells(further, 0, "both")["Next item in free text, HR@5"] == "0.340"
    assert cells(further, 2, "both")["Next item in free text, HR@5"] == "0.806"
    assert cells(further, 2, "both")["Interest, AUC"] == "–"
    assert "random" not in [row.name for row in further.groups[2].rows]


def test_one_missing_mode_is_named_and_the_others_are_shown(inputs_with):
    inputs = inputs_with()
    del inputs.alignment["both"]
    section = alignment_section(inputs)
    assert [row.name for row in section.tables[0].groups[0].rows] == ["behaviour", "intention", "none"]
    assert [(m.path, m.command) for m in section.missing] == [
        ("metrics/alignment_both.json", "dvc repro evaluate_alignment@both")
    ]


def test_levels_fill_the_whole_bar_and_keep_their_order(inputs):
    section = judge_section(inputs)
    stack = section.extra["stacks"][0]
    assert [part["level"] for part in stack["parts"]] == ["A", "B", "C", "D"]
    assert sum(part["width"] for part in stack["parts"]) == pytest.approx(100, abs=0.1)
    assert stack["parts"][1]["start"] == pytest.approx(100 * 20 / 128, abs=0.01)
    assert list(section.extra["levels"]) == ["A", "B", "C", "D"]
    table = section.tables[0]
    assert cells(table, 0, "intention")["Paper's mean (GPT-4 as judge)"] == "1.67"
    assert cells(table, 0, "none")["A"] == "64"


def test_failed_judgements_have_a_place_where_there_are_any(inputs_with):
    inputs = inputs_with()
    inputs.judge["both"] = inputs.judge["both"] | {"failed": 3}
    assert list(judge_section(inputs).extra["levels"]) == ["A", "B", "C", "D", "failed"]


def test_judgements_of_nothing_are_drawn_empty(inputs_with):
    empty = {"mean": None, "A": 0, "B": 0, "C": 0, "D": 0, "n": 0, "judge": "rubric"}
    section = judge_section(inputs_with(judge={"both": empty}))
    assert section.extra["stacks"][0]["parts"] == []
    assert section.extra["stacks"][0]["mean"] == "–"


def test_cited_items_are_only_said_to_matter_where_chance_is_small(inputs):
    readings = {text.split("”")[0].strip("“"): text for text in faithfulness_section(inputs).readings}
    assert "matter more to the recommender than random ones (p < .001)" in readings["both"]
    assert "cannot be told from random ones (p = .310)" in readings["intention"]
    assert "34\xa0% of the titles it names are not in the history" in readings["intention"]


def test_every_deletion_stands_beside_both_controls(inputs):
    section = faithfulness_section(inputs)
    assert len(section.charts) == 2
    assert [bar.label for bar in section.charts[0].bars[:3]] == [
        "behaviour: cited",
        "random",
        "most influential",
    ]
    assert len(section.details) == 4
    assert cells(section.details[0], 2, "cited")["Comprehensiveness ↑"] == "0.2600"
    assert cells(section.details[2], 2, "cited")["Comprehensiveness ↑"] == "−0.0780"
    assert "PN@1" in section.details[0].columns


def test_a_source_that_cites_nothing_is_said_to(inputs_with):
    nothing = {
        v: {"cited": None, "random": None, "leave_one_out": None, "p_value_over_random": None}
        for v in ("mask", "shift")
    }
    metrics = {
        "n": 4,
        "n_citing": 0,
        "n_compared": 0,
        "hallucination_rate": None,
        "log_comprehensiveness": nothing,
    }
    section = faithfulness_section(inputs_with(faithfulness={"none": metrics}))
    assert section.readings == ["“none”: it cites too little to be tested."]
    assert section.charts == []


def test_claims_about_the_score_follow_the_interval(inputs):
    readings = discriminators_section(inputs.discriminators).readings
    assert "The text of “both” carries more of the score than its verdict alone" in readings[3]
    assert "does not measurably carry more" in readings[1]
    assert "“none” predicts the score worse than its verdict alone" in readings[4]
    assert readings[0].startswith("From its words, the writer of a text is told in 86\xa0%")


def test_score_predictors_share_one_axis_that_cuts_hopeless_fits(inputs):
    metrics = inputs.discriminators
    metrics["score_predictor"]["none"]["text"]["r2_interval"] = [-9.0, 0.1]
    charts = discriminators_section(metrics).charts[1:]
    assert {(drawn.axis.low, drawn.axis.high) for drawn in charts} == {(-0.5, 1.0)}
